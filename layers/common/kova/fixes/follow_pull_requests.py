"""Follow what became of the pull requests with fixes, and withdraw those that mend nothing."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from typing import Final

from kova.fixes.fix import FixStatus
from kova.fixes.ports import FixStore, Publisher
from kova.fixes.publisher import MOST_BRANCHES, OfferedPull, PullState, fix_branch
from kova.shared.exceptions import GitHubRefusedError, NotFoundError
from kova.shared.repository import Repository
from kova.shared.retry import is_passing

_LOG = logging.getLogger("kova.pulls")
_MOST_PULLS: Final = 50
_NOTHING_LEFT: Final = (
    "The errors that this pull request mends are gone from `{branch}`, so there is nothing left to"
    " merge. Kova closes it and deletes its branch."
)


_OTHER_BRANCH: Final = (
    "The default branch is `{branch}` now, and that is where Kova offers its fixes. It closes this"
    " pull request, and deletes its branch unless somebody has committed to it."
)


class FollowPullRequests:
    """GitHub decides what became of a pull request; the fixes' rows follow."""

    def __init__(self, *, fixes: FixStore, publisher: Publisher) -> None:
        self._fixes = fixes
        self._publisher = publisher

    async def follow(self, repository: Repository, *, is_vital: bool = False) -> frozenset[str]:
        """Record merged and closed pull requests; return the errors whose fix nobody wants.

        Raises:
            UnavailableError: GitHub or the database does not answer.
            GitHubRefusedError: what is vital is refused, and may not be in a moment.
            NotFoundError: as that.
        """
        offered = await self._fixes.offered(repository.id)
        for url in list(offered)[:_MOST_PULLS]:
            pull = await self._find(repository, url, is_vital=is_vital)
            await self._record_state(repository, url, pull, is_vital=is_vital)
        return await self._fixes.declined(repository.id)

    async def follow_page(self, repository: Repository, url: str) -> None:
        """Record what became of one published pull request.

        Raises:
            UnavailableError: GitHub or the database does not answer.
        """
        await self._record_state(repository, url, await self._find(repository, url))

    async def follow_pull(self, repository: Repository, number: int) -> None:
        """Record what became of one pull request, also where people opened it again.

        Raises:
            UnavailableError: GitHub or the database does not answer.
        """
        url = await self._fixes.page_of(repository.id, number)
        if url is None:
            return
        pull = await self._find(repository, url)
        if pull is not None and not _is_followed_by_events(pull):
            return
        state = await self._record_state(repository, url, pull)
        if state is PullState.OPEN:
            await self._fixes.reopen(repository.id, url)

    async def _record_state(
        self, repository: Repository, url: str, pull: OfferedPull | None, *, is_vital: bool = False
    ) -> PullState | None:
        """Record a pull request's state, and return it; None where GitHub has no such one."""
        if pull is None:
            await self._fixes.settle(repository.id, url, FixStatus.CLOSED)
            return None
        if pull.state is PullState.MERGED:
            # The branch first: of what is settled nobody asks again.
            deletion = self._publisher.delete_branch(repository.ref, pull)
            await _attempt(deletion, "branch not deleted", url, is_vital=is_vital)
            await self._fixes.settle(repository.id, url, FixStatus.MERGED)
        elif pull.state is PullState.CLOSED and pull.is_withdrawn:
            # It was interrupted. Closed it is, whatever GitHub says to the rest.
            await self._withdraw(repository, pull, is_vital=is_vital)
            await self._fixes.settle(repository.id, url, FixStatus.CLOSED)
        elif pull.state is PullState.CLOSED:
            await self._fixes.settle(repository.id, url, FixStatus.CLOSED, declined=True)
        elif _is_of_former_default(repository, pull):
            if await self._withdraw(repository, pull, is_vital=is_vital):
                await self._fixes.settle(repository.id, url, FixStatus.CLOSED)
                return PullState.CLOSED
        elif pull.is_withdrawn:
            change = self._publisher.forget_withdrawal(repository.ref, pull)
            await _attempt(change, "still marked as withdrawn", url, is_vital=is_vital)
        return pull.state

    async def withdraw_unneeded(self, repository: Repository, *, is_vital: bool = False) -> None:
        """Close the open pull requests of which no error is open any more.

        Raises:
            UnavailableError: GitHub or the database does not answer.
            GitHubRefusedError: what is vital is refused, and may not be in a moment.
            NotFoundError: as that.
        """
        offered = await self._fixes.offered(repository.id)
        unneeded = [url for url, errors in offered.items() if not any(errors.values())]
        for url in unneeded[:_MOST_PULLS]:
            pull = await self._find(repository, url, is_vital=is_vital)
            if pull is None or pull.state is not PullState.OPEN:
                await self._record_state(repository, url, pull, is_vital=is_vital)
            elif _is_read(pull) and await self._withdraw(repository, pull, is_vital=is_vital):
                await self._fixes.settle(repository.id, url, FixStatus.CLOSED)

    async def _withdraw(self, repository: Repository, pull: OfferedPull, *, is_vital: bool) -> bool:
        """Close a pull request with a comment, or end doing so; False where GitHub refuses."""
        text = _OTHER_BRANCH if _is_of_former_default(repository, pull) else _NOTHING_LEFT
        comment = text.format(branch=repository.default_branch.replace("`", ""))
        withdrawal = self._publisher.withdraw(repository.ref, pull, comment)
        return await _attempt(withdrawal, "pull request not withdrawn", pull.url, is_vital=is_vital)

    async def _find(
        self, repository: Repository, url: str, *, is_vital: bool = False
    ) -> OfferedPull | None:
        try:
            return await self._publisher.find_pull(repository.ref, url)
        except GitHubRefusedError as exc:
            if is_vital and is_passing(exc):
                raise
            _log_refusal("pull request not read", url, exc)
            # As it was seen last.
            return OfferedPull(url=url, state=PullState.OPEN, branch="")


async def _attempt(call: Awaitable[None], message: str, url: str, *, is_vital: bool) -> bool:
    """Await a call; False, and the message is logged, where GitHub refuses it for good."""
    try:
        await call
    except (GitHubRefusedError, NotFoundError) as exc:
        if is_vital and is_passing(exc):
            raise
        _log_refusal(message, url, exc)
        return False
    return True


def _is_followed_by_events(pull: OfferedPull) -> bool:
    """False where it was not read, or a scan withdraws it: that one ends it, or the next one."""
    return _is_read(pull) and not (pull.state is PullState.CLOSED and pull.is_withdrawn)


def _is_read(pull: OfferedPull) -> bool:
    return bool(pull.branch)


def _is_of_former_default(repository: Repository, pull: OfferedPull) -> bool:
    """True for fixes that were offered to what was the default branch before."""
    base = pull.base_branch
    branches = {fix_branch(base, number) for number in range(1, MOST_BRANCHES + 1)}
    return base not in {"", repository.default_branch} and pull.branch in branches


def _log_refusal(message: str, url: str, error: GitHubRefusedError | NotFoundError) -> None:
    _LOG.warning(message, extra={"pull_request": url, "reason": error.reason})
