"""Where results are shown: check runs and pull requests on GitHub."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from kova.shared.repository import RepositoryRef


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """One remark at lines of a file. `level` is notice, warning or failure."""

    path: str
    start_line: int
    end_line: int
    start_column: int | None
    end_column: int | None
    level: str
    title: str
    message: str


@dataclass(frozen=True, kw_only=True)
class CheckRun:
    """A completed check run. `conclusion` is success, failure or neutral; texts are Markdown."""

    commit_sha: str
    external_id: str
    conclusion: str
    title: str
    summary: str
    annotations: tuple[Annotation, ...]


@dataclass(frozen=True, kw_only=True)
class FixPullRequest:
    """Proved file contents to offer on a branch of Kova's own.

    The branch's name is decided by the caller and always the same for the same work, so that
    publishing twice ends in one pull request.
    """

    base_branch: str
    base_sha: str
    branch: str
    title: str
    body: str
    message: str
    files: dict[str, bytes]


class Publisher(Protocol):
    """Publishes idempotently: repeating a call after a crash changes nothing more.

    Errors are those of CodeSource.
    """

    async def check_run(self, repository: RepositoryRef, check_run: CheckRun) -> str | None:
        """Create or update the one check run with this external id; return its page's address.

        Where checks are not allowed (a personal token), a commit status says the same in short.
        """

    async def pull_request(self, repository: RepositoryRef, pull: FixPullRequest) -> str | None:
        """Create or update the one pull request of this branch; return its page's address.

        Returns None, and touches nothing, when the base branch is no longer at `base_sha`: the
        scan of the newer commit will publish.
        """
