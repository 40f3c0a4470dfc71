"""Where results are shown: check runs and pull requests on GitHub."""

from __future__ import annotations

import enum
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class CheckAnnotation:
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
    annotations: tuple[CheckAnnotation, ...]


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


class PullState(enum.StrEnum):
    """What became of a pull request."""

    OPEN = "open"
    CLOSED = "closed"
    MERGED = "merged"


@dataclass(frozen=True, kw_only=True)
class OfferedPull:
    """A pull request that Kova opened, and its branch."""

    url: str
    state: PullState
    branch: str
