"""One small file at the root of a commit, by its blob."""

from __future__ import annotations

from kova.adapters.github import shapes
from kova.adapters.github.client import GitHubClient
from kova.adapters.github.download import blob_content
from kova.shared.exceptions import GitHubRefusedError
from kova.shared.repository import RepositoryRef, is_sha

_REGULAR = frozenset({"100644", "100755", "100664"})


async def root_file(
    client: GitHubClient, repository: RepositoryRef, ref: str, name: str, limit: int
) -> bytes | None:
    """Return the file's first bytes; None when no regular file has the name."""
    try:
        tree = await client.get(repository, f"/git/trees/{ref}")
    except GitHubRefusedError as exc:
        if exc.data.get("refusal") in {"conflict", "invalid"}:
            return None  # an empty repository
        raise
    for tree_entry in shapes.objects(tree.get("tree")):
        sha, size = tree_entry.get("sha"), tree_entry.get("size")
        if tree_entry.get("path") != name or str(tree_entry.get("mode")) not in _REGULAR:
            continue
        if not isinstance(sha, str) or not is_sha(sha) or not shapes.is_number(size):
            return None
        if size > limit:
            return b"\0" * (limit + 1)
        blob = await client.get(repository, f"/git/blobs/{sha}", limit=2 * size + 10_000)
        return blob_content(blob)
    return None
