"""Follow a pull request of proved fixes as soon as GitHub says that it changed."""

from __future__ import annotations

from kova.events.event import EventJob
from kova.fixes.follow_pull_requests import FollowPullRequests
from kova.fixes.hold_pulls import HoldPulls
from kova.shared.ports import RepositoryStore


class FollowEvent:
    """Closed, merged or open again: GitHub is asked which it is."""

    def __init__(
        self, *, repositories: RepositoryStore, follow: FollowPullRequests, pulls: HoldPulls
    ) -> None:
        self._repositories = repositories
        self._follow = follow
        self._pulls = pulls

    async def follow(self, job: EventJob) -> None:
        """Let the rows of the fixes that it offers follow.

        Raises:
            BusyError: a worker changes the pull requests with this repository's fixes.
            UnavailableError: GitHub or the database does not answer; try again later.
        """
        assert job.github_id is not None
        assert job.number is not None
        repository = await self._repositories.find(job.github_id)
        if repository is not None and not repository.is_unreachable:
            async with self._pulls.hold(repository.id):
                await self._follow.follow_pull(repository, job.number)
