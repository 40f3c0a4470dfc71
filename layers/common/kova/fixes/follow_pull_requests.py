"""Follow what became of the pull requests with fixes, and withdraw those that mend nothing."""

from __future__ import annotations

import logging
from typing import Final

from kova.fixes.fix import FixStatus
from kova.fixes.ports import FixStore, Publisher
from kova.fixes.publisher import OfferedPull, PullState
from kova.shared.exceptions import GitHubRefusedError, NotFoundError
from kova.shared.repository import Repository

_LOG = logging.getLogger("kova.pulls")
_MOST_PULLS: Final = 50
_NOTHING_LEFT: Final = (
    "The errors that this pull request mends are gone from `{branch}`, so there is nothing left to"
    " merge. Kova closes it and deletes its branch."
)


class FollowPullRequests:
    """GitHub decides what became of a pull request; the fixes' rows follow."""

    def __init__(self, *, fixes: FixStore, publisher: Publisher) -> None:
        self._fixes = fixes
        self._publisher = publisher

    async def follow(self, repository: Repository) -> frozenset[str]:
        """Record merged and closed pull requests; return the errors whose fix nobody wants.

        Raises:
            UnavailableError: GitHub or the database does not answer.
        """
        offered = await self._fixes.offered(repository.id)
        for url in list(offered)[:_MOST_PULLS]:
            pull = await self._find(repository, url)
            if pull is None:
                await self._fixes.settle(url, FixStatus.CLOSED)
            elif pull.state is PullState.MERGED:
                await self._fixes.settle(url, FixStatus.MERGED)
                await self._delete_branch(repository, pull)
            elif pull.state is PullState.CLOSED:
                await self._fixes.settle(url, FixStatus.CLOSED, declined=True)
        return await self._fixes.declined(repository.id)

    async def withdraw_unneeded(self, repository: Repository) -> None:
        """Close the open pull requests of which no error is open any more.

        Raises:
            UnavailableError: GitHub or the database does not answer.
        """
        offered = await self._fixes.offered(repository.id)
        unneeded = [url for url, errors in offered.items() if not any(errors.values())]
        for url in unneeded[:_MOST_PULLS]:
            pull = await self._find(repository, url)
            if pull is not None and pull.state is PullState.OPEN:
                comment = _NOTHING_LEFT.format(branch=repository.default_branch.replace("`", ""))
                try:
                    await self._publisher.withdraw(repository.ref, pull, comment)
                except (GitHubRefusedError, NotFoundError) as exc:
                    _log_refusal("pull request not withdrawn", url, exc)
                    continue
            await self._fixes.settle(url, FixStatus.CLOSED)

    async def _find(self, repository: Repository, url: str) -> OfferedPull | None:
        try:
            return await self._publisher.find_pull(repository.ref, url)
        except GitHubRefusedError as exc:
            _log_refusal("pull request not read", url, exc)
            # As it was seen last.
            return OfferedPull(url=url, state=PullState.OPEN, branch="")

    async def _delete_branch(self, repository: Repository, pull: OfferedPull) -> None:
        try:
            await self._publisher.delete_branch(repository.ref, pull.branch)
        except (GitHubRefusedError, NotFoundError) as exc:
            _log_refusal("branch not deleted", pull.url, exc)


def _log_refusal(message: str, url: str, error: GitHubRefusedError | NotFoundError) -> None:
    _LOG.warning(message, extra={"pull_request": url, "reason": error.reason})
