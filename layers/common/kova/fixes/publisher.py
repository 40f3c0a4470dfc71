"""Where results are shown: check runs and pull requests on GitHub."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


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
class CheckButton:
    """A button of a check run; GitHub takes 20, 40 and 20 characters."""

    label: str
    description: str
    identifier: str


@dataclass(frozen=True, kw_only=True)
class CheckRun:
    """A completed check run. `conclusion` is success, failure or neutral; texts are Markdown.

    GitHub shows three buttons at most, and only those of an App.
    """

    commit_sha: str
    external_id: str
    conclusion: str
    title: str
    summary: str
    annotations: tuple[CheckAnnotation, ...]
    buttons: tuple[CheckButton, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FixPullRequest:
    """Proved file contents to offer on a branch of Kova's own.

    The branch's name is decided by the caller and always the same for the same work, so that
    publishing twice ends in one pull request.

    Attributes:
        followed: the numbers of the pull requests that the caller takes for open.
        withdrawn: the numbers of those that Kova has closed itself.
    """

    base_branch: str
    base_sha: str
    branch: str
    title: str
    body: str
    message: str
    files: dict[str, bytes]
    followed: frozenset[int] = frozenset()
    withdrawn: frozenset[int] = frozenset()


_PULL_PAGE: Final = re.compile(r"/pull/([1-9][0-9]{0,9})$")


def pull_number(url: str) -> int | None:
    """Return the number of a pull request by its page; None where it is no such page.

    Within a repository the number alone says which one it is: pages change with its name.
    """
    match = _PULL_PAGE.search(url)
    return int(match[1]) if match else None


def pull_numbers(urls: Iterable[str]) -> frozenset[int]:
    """Return the numbers of pull requests by their pages."""
    return frozenset(number for url in urls if (number := pull_number(url)) is not None)


MOST_BRANCHES: Final = 3
"""So many branches of fixes for one branch, where people have committed to the others."""


def fix_branch(base_branch: str, number: int = 1) -> str:
    """Return the branch of the fixes for a branch.

    The further ones are for when people have committed to those before: their names begin
    otherwise, so that they are never the first one of another branch.
    """
    return f"kova/fix-{base_branch}" if number == 1 else f"kova/fix{number}-{base_branch}"


class PullState(enum.StrEnum):
    """What became of a pull request."""

    OPEN = "open"
    CLOSED = "closed"
    MERGED = "merged"


@dataclass(frozen=True, kw_only=True)
class OfferedPull:
    """A pull request that Kova opened.

    Attributes:
        url: its page.
        state: what became of it.
        branch: where it comes from.
        base_branch: what it is to be merged into.
        head_sha: where its branch ends; of one that is closed, where it ended then.
        body: its text.
        is_withdrawn: it says itself that Kova closed it, and no person.
    """

    url: str
    state: PullState
    branch: str
    base_branch: str = ""
    head_sha: str = ""
    body: str = ""
    is_withdrawn: bool = False
