"""Where the code comes from: one commit of one repository on GitHub."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kova.shared.repository import RepositoryInfo, RepositoryRef
from kova.shared.skipped import Skipped


@dataclass(frozen=True, kw_only=True)
class TreeFile:
    """A regular file of a commit's tree. `size` is in bytes."""

    path: str
    sha: str
    size: int
    mode: str = "100644"


@dataclass(frozen=True, kw_only=True)
class Tree:
    """The regular files of a commit; `complete` is False when GitHub cut the listing short."""

    commit_sha: str
    files: tuple[TreeFile, ...]
    skipped: tuple[Skipped, ...]
    complete: bool


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A pull request's side of the changes: files that are new or changed since the merge base.

    Attributes:
        merge_base_sha: the newest commit that both sides have.
        changed: the files that are new or changed.
        added: those of them that are new, and not renamed.
        renamed: old path by new path.
        complete: False when GitHub cut the list short.
    """

    merge_base_sha: str
    changed: frozenset[str]
    added: frozenset[str] = frozenset()
    renamed: dict[str, str]
    complete: bool


@dataclass(frozen=True, kw_only=True)
class PullRequest:
    """A pull request; title and body are whatever its author wrote."""

    number: int
    base_sha: str
    head_sha: str
    title: str
    body: str


@dataclass(frozen=True, kw_only=True)
class FetchLimits:
    """Limits of one fetch. Sizes in bytes."""

    files: int = 20_000
    file_bytes: int = 1_000_000
    total_bytes: int = 400_000_000
    depth: int = 60
    seconds: float = 120.0
    blobs_instead_of_tarball: int = 20


class CodeSource(Protocol):
    """Reads repositories. No code of a repository is ever run; there is no git here.

    Every method raises GitHubUnavailableError (or GitHubRateLimitedError) when trying again may
    help, RepositoryNotFoundError, GitHubRefusedError and OwnerNotAllowedError when it will not.
    """

    async def repository(self, repository_ref: RepositoryRef) -> RepositoryInfo:
        """Describe the repository."""

    async def resolve(self, repository_ref: RepositoryRef, ref: str) -> str:
        """Return the commit id that a branch, tag or full ref name points to."""

    async def tree(self, repository_ref: RepositoryRef, commit_sha: str) -> Tree:
        """List the regular files of a commit; links and submodules are in `skipped`."""

    async def root_file(
        self, repository_ref: RepositoryRef, ref: str, name: str, limit: int
    ) -> bytes | None:
        """Return a regular file at the root of a commit or branch.

        None when there is none. A file of more than `limit` bytes is replaced by `limit` + 1 NUL
        bytes.
        """

    async def compare(
        self,
        repository_ref: RepositoryRef,
        base: str,
        head: str,
        *,
        pull_request: int | None = None,
    ) -> Comparison:
        """Return what `head` changed since its merge base with `base`.

        GitHub lists 300 files of two commits, and 3,000 of a pull request: with its number the
        rest is asked for where the first list was cut.
        """

    async def pull_request(self, repository_ref: RepositoryRef, number: int) -> PullRequest:
        """Describe a pull request."""

    async def download(
        self,
        repository_ref: RepositoryRef,
        commit_sha: str,
        files: Sequence[TreeFile],
        folder: Path,
        limits: FetchLimits,
    ) -> tuple[Skipped, ...]:
        """Write files below a private folder; return those that could not be written, and why.

        Few files come as blobs, many as the tarball; each file's blob id is checked against the
        tree's.
        """
