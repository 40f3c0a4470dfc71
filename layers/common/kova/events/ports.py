"""What events need from outside: what GitHub shows, and the rows of what it no longer does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kova.shared.repository import Repository, RepositoryInfo, RepositoryProblem


class RepositoryDirectory(Protocol):
    """What GitHub shows now, asked without any cache. Other errors are those of CodeSource."""

    async def describe(self, full_name: str) -> RepositoryInfo:
        """Return a repository that Kova is installed on.

        Raises:
            RepositoryNotFoundError: GitHub shows none, or Kova is not installed on it.
            OwnerNotAllowedError: it belongs to an owner that Kova does not work for.
            GitHubRefusedError: `refusal` is `forbidden` where the installation is suspended.
        """

    async def installed(self, installation_id: int) -> Sequence[RepositoryInfo]:
        """Return all repositories of an installation whose owner Kova works for.

        Raises:
            RepositoryNotFoundError: there is no such installation.
            GitHubRefusedError: `refusal` is `forbidden` where it is suspended.
        """


class RepositoryWatch(Protocol):
    """Which repositories are scanned."""

    async def of_installation(self, installation_id: int) -> Sequence[Repository]:
        """Return the repositories that are stored with an installation."""

    async def mark(self, repository_ids: Sequence[str], problem: RepositoryProblem) -> int:
        """Record why repositories are not scanned; return how many were marked anew.

        Their queued scans end as skipped, with the problem as the reason. A deleted one stays
        deleted, and a repeated mark keeps its time.
        """

    async def purge(self, age: timedelta) -> int:
        """Delete the rows of repositories that were deleted so long ago, and record that.

        Some thousand rows at most; a later call goes on. Returns how many rows went.
        """


class RightsChange(Protocol):
    """Lets people's rights be asked for again. Errors are RedisUnavailableError."""

    async def note_change(self) -> None:
        """Note that somebody may see something else from now on."""


class IntroducedErrors(Protocol):
    """The errors that a commit's check run shows as new."""

    async def introduced(self, repository_id: str, commit_sha: str, limit: int) -> Sequence[str]:
        """Return the ids of those that are open, at most `limit`."""
