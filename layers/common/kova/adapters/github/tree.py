"""A commit's tree: listed in one call, or folder by folder where GitHub cuts it short."""

from __future__ import annotations

from collections import deque
from typing import Final

from kova.adapters.github import shapes
from kova.adapters.github.client import GitHubClient
from kova.adapters.github.paths import PATH_BYTES, unsafe_reason
from kova.adapters.github.shapes import Json
from kova.shared.code_source import Tree, TreeFile
from kova.shared.exceptions import GitHubRefusedError, RepositoryNotFoundError
from kova.shared.repository import RepositoryRef, is_sha
from kova.shared.skipped import Skipped
from kova.shared.text import clean, shorten

# GitHub cuts a recursive listing at 100,000 entries or 7 MB. This many more calls list a
# repository of millions of files in part, within a worker's time and memory.
EXTRA_CALLS: Final = 200
ENTRIES: Final = 400_000

_REGULAR: Final = frozenset({"100644", "100755", "100664"})
_OTHER_MODES: Final = {"120000": "symlink", "160000": "submodule"}


class TreeReader:
    """Reads trees of one repository."""

    def __init__(self, client: GitHubClient, repository: RepositoryRef) -> None:
        self._client = client
        self._repository = repository

    async def read(self, commit_sha: str) -> Tree:
        """List the regular files of a commit."""
        listing = _Listing()
        root = await self._fetch(commit_sha, recursive=True)
        complete = True
        if root.get("truncated"):
            complete = await self._walk(commit_sha, listing)
        else:
            listing.add(root, "")
        return Tree(
            commit_sha=commit_sha,
            files=tuple(listing.files.values()),
            skipped=tuple(listing.skipped),
            complete=complete,
        )

    async def _walk(self, root_sha: str, listing: _Listing) -> bool:
        """List folder by folder, each whole if GitHub lists it whole, else its parts."""
        open_folders = deque([("", root_sha, False)])
        complete = True
        for _ in range(EXTRA_CALLS):
            if not open_folders or listing.entries > ENTRIES:
                break
            prefix, sha, recursive = open_folders.popleft()
            tree = await self._fetch(sha, recursive=recursive)
            if not tree.get("truncated"):
                folders = listing.add(tree, prefix)
                if not recursive:
                    open_folders.extend((path, child, True) for path, child in folders)
            elif recursive:
                open_folders.append((prefix, sha, False))
            else:
                # One folder with more than 100,000 entries: GitHub has no way to list the rest.
                listing.add(tree, prefix)
                listing.skip(prefix, "not_listed")
                complete = False
        for prefix, _, _ in open_folders:
            listing.skip(prefix, "not_listed")
        return complete and not open_folders

    async def _fetch(self, sha: str, *, recursive: bool) -> Json:
        query = "?recursive=1" if recursive else ""
        try:
            return await self._client.get(self._repository, f"/git/trees/{sha}{query}")
        except GitHubRefusedError as exc:
            # 409 for an empty repository, 422 for an id that no object has.
            if exc.data.get("refusal") in {"conflict", "invalid"}:
                raise RepositoryNotFoundError from exc
            raise


class _Listing:
    """Collects entries; whatever cannot be a file of ours is skipped with its reason."""

    def __init__(self) -> None:
        self.files: dict[str, TreeFile] = {}
        self.skipped: list[Skipped] = []
        self.entries = 0

    def skip(self, path: str, reason: str) -> None:
        shown = shorten(clean(path), PATH_BYTES) or "."
        self.skipped.append(Skipped(path=shown, reason=reason))

    def add(self, tree: Json, prefix: str) -> list[tuple[str, str]]:
        """Add a listing's files; return its folders with their tree ids."""
        folders: list[tuple[str, str]] = []
        for tree_entry in shapes.objects(tree.get("tree")):
            self.entries += 1
            name, sha = tree_entry.get("path"), tree_entry.get("sha")
            if not isinstance(name, str) or not isinstance(sha, str) or not is_sha(sha):
                self.skip(name if isinstance(name, str) else "", "malformed_entry")
                continue
            path = f"{prefix}/{name}" if prefix else name
            if tree_entry.get("type") == "tree":
                # A recursive listing names the entries of a bad folder too: each is skipped then.
                folders.append((path, sha))
                continue
            self._add_file(tree_entry, path, sha)
        return folders

    def _add_file(self, tree_entry: Json, path: str, sha: str) -> None:
        mode, size = str(tree_entry.get("mode")), tree_entry.get("size")
        reason = unsafe_reason(path)
        if reason is None and mode in _OTHER_MODES:
            reason = _OTHER_MODES[mode]
        elif reason is None and path in self.files:
            reason = "duplicate_path"
        if reason is not None:
            self.skip(path, reason)
        elif mode not in _REGULAR or not shapes.is_number(size):
            self.skip(path, "malformed_entry")
        else:
            self.files[path] = TreeFile(path=path, sha=sha, size=size, mode=mode)
