"""Commits of proved files, made so that the same fix is always the same commit.

https://docs.github.com/rest/git
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Final

from kova.adapters.github import shapes
from kova.adapters.github.client import GitHubClient
from kova.adapters.github.paths import unsafe_reason
from kova.adapters.github.shapes import Json
from kova.code_index.index_repository import blob_sha
from kova.fixes.protected import is_protected
from kova.fixes.publisher import FixPullRequest
from kova.shared.exceptions import GitHubRefusedError, RepositoryNotFoundError
from kova.shared.repository import RepositoryRef
from kova.shared.text import clean

# GitHub lists no more files of a comparison.
COMPARED_FILES: Final = 300
_MODES: Final = {"100644": "100644", "100664": "100644", "100755": "100755"}


@dataclass(frozen=True, kw_only=True)
class Author:
    """Who signs the commits. The default address belongs to nobody, on GitHub or elsewhere."""

    name: str = "Kova"
    email: str = "kova@kova.invalid"


class FixCommits:
    """Makes commits on top of a base commit. Objects of git are named by content: repeatable."""

    def __init__(self, client: GitHubClient, author: Author) -> None:
        self._client = client
        self._author = author

    async def create(self, repository: RepositoryRef, pull: FixPullRequest) -> str:
        """Return the id of the commit that changes just these files of the base commit.

        Raises:
            GitHubRefusedError: a file may not be touched, is no regular file of the base commit,
                or nothing would change.
        """
        for path in pull.files:
            if unsafe_reason(path) is not None or is_protected(path):
                raise _refused(f"A fix may not touch {clean(path)!r}.")
        base = await self._client.get(repository, f"/git/commits/{pull.base_sha}")
        base_tree = shapes.sha(base, "tree", "sha")
        modes = _BaseModes(self._client, repository, base_tree)
        tree_entries = [
            await self._entry(repository, path, await modes.of(path), content)
            for path, content in sorted(pull.files.items())
        ]
        tree = await self._client.write(
            "POST",
            repository,
            "/git/trees",
            {"base_tree": base_tree, "tree": tree_entries},
            repeatable=True,
        )
        tree_sha = shapes.sha(tree, "sha")
        if tree_sha == base_tree:
            raise _refused("The fix changes nothing.")
        # The date of the base commit instead of now: repeated, this gives the same commit id.
        signature = {
            "name": self._author.name,
            "email": self._author.email,
            "date": shapes.text(base, "committer", "date"),
        }
        body = {
            "message": clean(pull.message),
            "tree": tree_sha,
            "parents": [pull.base_sha],
            "author": signature,
            "committer": signature,
        }
        commit = await self._client.write("POST", repository, "/git/commits", body, repeatable=True)
        return shapes.sha(commit, "sha")

    async def is_ours(self, repository: RepositoryRef, commit_sha: str) -> bool:
        """Tell whether the commit was made here, and not by a person."""
        commit = await self._client.get(repository, f"/git/commits/{commit_sha}")
        return bool(shapes.field(commit, "committer", "email") == self._author.email)

    async def still_applies(
        self, repository: RepositoryRef, pull: FixPullRequest, commit_sha: str
    ) -> bool:
        """Tell whether the branch's commit is this very fix, and the base went on elsewhere.

        Then the branch needs no other commit: each one starts the repository's own checks anew.
        """
        commit = await self._client.get(repository, f"/git/commits/{commit_sha}")
        parents = shapes.objects(commit.get("parents") or [])
        if shapes.field(commit, "committer", "email") != self._author.email or len(parents) != 1:
            return False
        parent = shapes.sha(parents[0], "sha")
        if parent == pull.base_sha:
            return False
        blobs = await self._changed(repository, parent, commit_sha)
        if blobs != {path: blob_sha(content) for path, content in pull.files.items()}:
            return False
        moved = await self._changed(repository, parent, pull.base_sha)
        return moved is not None and not moved.keys() & pull.files.keys()

    async def same_paths(
        self, repository: RepositoryRef, pull: FixPullRequest, commit_sha: str
    ) -> frozenset[str]:
        """Return the files that a commit of Kova's changed just as this fix does."""
        try:
            commit = await self._client.get(repository, f"/git/commits/{commit_sha}")
        except RepositoryNotFoundError:
            return frozenset()  # Nothing holds it any more.
        parents = shapes.objects(commit.get("parents") or [])
        if shapes.field(commit, "committer", "email") != self._author.email or len(parents) != 1:
            return frozenset()
        changed = await self._changed(repository, shapes.sha(parents[0], "sha"), commit_sha) or {}
        return frozenset(
            path for path, content in pull.files.items() if changed.get(path) == blob_sha(content)
        )

    async def _changed(
        self, repository: RepositoryRef, before: str, after: str
    ) -> dict[str, str] | None:
        """Return the blobs of the files that changed, by both of a file's names.

        None where GitHub does not list them all, or `after` does not come after `before`.
        """
        comparison = await self._client.get(
            repository, f"/compare/{before}...{after}", per_page="1", page="1"
        )
        files = shapes.objects(comparison.get("files") or [])
        if comparison.get("status") != "ahead" or len(files) >= COMPARED_FILES:
            return None
        blobs: dict[str, str] = {}
        for file in files:
            for name in (file.get("filename"), file.get("previous_filename")):
                if isinstance(name, str):
                    blobs[name] = str(file.get("sha"))
        return blobs

    async def _entry(self, repository: RepositoryRef, path: str, mode: str, content: bytes) -> Json:
        tree_entry: Json = {"path": path, "mode": mode, "type": "blob"}
        try:
            text = content.decode()
        except UnicodeDecodeError:
            text = "\0"
        if "\0" not in text:
            return {**tree_entry, "content": text}
        blob = await self._client.write(
            "POST",
            repository,
            "/git/blobs",
            {"content": base64.b64encode(content).decode(), "encoding": "base64"},
            repeatable=True,
        )
        return {**tree_entry, "sha": shapes.sha(blob, "sha")}


class _BaseModes:
    """The modes of files in a tree, folder by folder: a recursive listing may be 7 MB."""

    def __init__(self, client: GitHubClient, repository: RepositoryRef, tree_sha: str) -> None:
        self._client = client
        self._repository = repository
        self._root = tree_sha
        self._folders: dict[str, dict[str, Json]] = {}

    async def of(self, path: str) -> str:
        tree_entry: Json = {"type": "tree", "sha": self._root}
        for part in path.split("/"):
            inside = tree_entry.get("type") == "tree"
            tree_entry = (
                (await self._folder(shapes.sha(tree_entry, "sha"))).get(part, {}) if inside else {}
            )
        mode = _MODES.get(str(tree_entry.get("mode")))
        if mode is None or tree_entry.get("type") != "blob":
            raise _refused(f"{clean(path)!r} is no regular file of the base commit.")
        return mode

    async def _folder(self, sha: str) -> dict[str, Json]:
        if sha not in self._folders:
            tree = await self._client.get(self._repository, f"/git/trees/{sha}")
            tree_entries = shapes.objects(tree.get("tree"))
            self._folders[sha] = {
                str(tree_entry.get("path")): tree_entry for tree_entry in tree_entries
            }
        return self._folders[sha]


def _refused(message: str) -> GitHubRefusedError:
    return GitHubRefusedError(message, refusal="not_allowed")
