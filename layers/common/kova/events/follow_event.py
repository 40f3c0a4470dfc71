"""Follow a pull request of proved fixes as soon as GitHub says that it changed."""

from __future__ import annotations

from kova.events.event import EventJob
from kova.fixes.follow_pull_requests import FollowPullRequests
from kova.shared.ports import RepositoryStore


class FollowEvent:
    """Closed, merged or open again: GitHub is asked which it is."""

    def __init__(self, *, repositories: RepositoryStore, follow: FollowPullRequests) -> None:
        self._repositories = repositories
        self._follow = follow

    async def follow(self, job: EventJob) -> None:
        """Let the rows of the fixes that it offers follow.

        Raises:
            UnavailableError: GitHub or the database does not answer; try again later.
        """
        assert job.github_id is not None
        assert job.number is not None
        repository = await self._repositories.find(job.github_id)
        if repository is not None and not repository.is_unreachable:
            await self._follow.follow_pull(repository, job.number)
