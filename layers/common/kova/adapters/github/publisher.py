"""The port Publisher on GitHub."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from kova.adapters.github.checks import CheckRuns
from kova.adapters.github.client import GitHubClient
from kova.adapters.github.commits import Author, FixCommits
from kova.adapters.github.pulls import PullRequests
from kova.adapters.github.statuses import CommitStatuses
from kova.fixes.ports import Publisher
from kova.fixes.publisher import CheckRun, FixPullRequest, OfferedPull
from kova.shared.exceptions import GitHubRefusedError, RepositoryNotFoundError
from kova.shared.repository import RepositoryRef, is_sha


class GitHubPublisher(Publisher):
    """Publishes through GitHub's REST API.

    Every operation looks before it creates, so it is repeated as a whole when a write fails. Two
    at once for the same thing are kept apart by the caller's lease.
    """

    def __init__(
        self,
        client: GitHubClient,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        author: Author | None = None,
    ) -> None:
        self._client = client
        self._checks = CheckRuns(client, now=now)
        self._statuses = CommitStatuses(client)
        self._pulls = PullRequests(client, FixCommits(client, author or Author()))

    async def check_run(self, repository: RepositoryRef, check_run: CheckRun) -> str | None:
        """Create or update the one check run with this external id; return its page's address.

        Returns None when a commit status had to do: it has no page.
        """
        if not is_sha(check_run.commit_sha):
            raise RepositoryNotFoundError
        try:
            return await self._client.retry_idempotent(
                lambda: self._checks.publish(repository, check_run)
            )
        except GitHubRefusedError as exc:
            # Only GitHub Apps may write checks.
            if exc.data.get("refusal") != "forbidden":
                raise
        await self._client.retry_idempotent(lambda: self._statuses.publish(repository, check_run))
        return None

    async def pull_request(self, repository: RepositoryRef, pull: FixPullRequest) -> str | None:
        """Create or update the one pull request of this branch; return its page's address."""
        return await self._client.retry_idempotent(lambda: self._pulls.publish(repository, pull))

    async def find_pull(self, repository: RepositoryRef, url: str) -> OfferedPull | None:
        """Return a pull request by its page; None where it is none of Kova's, or gone."""
        return await self._pulls.find(repository, url)

    async def withdraw(self, repository: RepositoryRef, pull: OfferedPull, comment: str) -> None:
        """Close an open pull request with a comment, and delete its branch."""
        await self._pulls.withdraw(repository, pull, comment)

    async def forget_withdrawal(self, repository: RepositoryRef, pull: OfferedPull) -> None:
        """Note that people have opened a withdrawn pull request again: they close it next."""
        await self._pulls.forget_withdrawal(repository, pull)

    async def delete_branch(self, repository: RepositoryRef, pull: OfferedPull) -> None:
        """Delete the branch of a pull request that is closed, unless others go on with it."""
        await self._pulls.delete_branch(repository, pull)
