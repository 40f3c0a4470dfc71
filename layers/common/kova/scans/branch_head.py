"""Where a branch ends: what GitHub answers, judged by the pushes that are known.

GitHub's events come doubled, reordered and late, and its API may show a branch for some seconds as
it was before a push.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from kova.scans.scan import ScanStatus
from kova.shared.exceptions import GitHubRefusedError, RepositoryNotFoundError, StaleHeadError
from kova.shared.reach import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Callable

    from kova.errors.ports import ErrorStore
    from kova.scans.ports import PushStore, ScanQueue, ScanRecovery
    from kova.shared.code_source import CodeSource
    from kova.shared.ports import RepositoryStore
    from kova.shared.repository import Repository

# So long after a push was received GitHub's answer may be older than it. It is believed afterwards:
# the event of a later push may have been lost.
STALENESS: Final = timedelta(minutes=5)
# An event tells when its repository was pushed to last, at the moment when the event was made.
_INACCURACY: Final = timedelta(minutes=1)
# GitHub is asked about so many pushes; who pushes more in a second waits until they are old.
_MOST_COMPARED: Final = 5
_ENDED_WELL: Final = frozenset({ScanStatus.SUCCEEDED, ScanStatus.SKIPPED})


@dataclass(frozen=True, kw_only=True)
class Push:
    """One move of a branch, or of a pull request's head.

    Attributes:
        before: the commit where it ended before; None where that is not known, or it is new.
        pushed_at: GitHub's time, in whole seconds.
        received_at: when a worker first saw its message.
        scan_id: the scan that it began; None where that was deleted.
    """

    before: str | None
    after: str
    forced: bool
    pushed_at: datetime | None
    received_at: datetime
    scan_id: str | None = None
    scan_status: ScanStatus | None = None


def is_newer(push: Push, other: Push, pushes: Iterable[Push]) -> bool:
    """True where it is certain that a push came after another one of the same ref.

    GitHub's times decide, unless they are close and the commits say the opposite; where they are
    equal or missing, the commits do: one push begins where the other one ended, perhaps with others
    between them.
    """
    lead = _time_after(push, other)
    if abs(lead) > _INACCURACY:
        return lead > timedelta()
    pushes = tuple(pushes)
    follows, precedes = _leads(other, push, pushes), _leads(push, other, pushes)
    if not lead:
        return follows and not precedes
    return lead > timedelta() and (follows or not precedes)


def _time_after(push: Push, other: Push) -> timedelta:
    """Return how much later a push was than another one; nothing where that is not known."""
    if push.pushed_at is None or other.pushed_at is None:
        return timedelta()
    return push.pushed_at - other.pushed_at


def _leads(first: Push, last: Push, pushes: Sequence[Push]) -> bool:
    """Tell whether pushes lead from the end of one to the beginning of another."""
    ends: defaultdict[str | None, set[str]] = defaultdict(set)
    for push in pushes:
        ends[push.before].add(push.after)
    reached, waiting = {first.after}, [first.after]
    while waiting:
        sha = waiting.pop()
        if sha == last.before:
            return True
        fresh = ends[sha] - reached
        reached |= fresh
        waiting += fresh
    return False


def find_doubts(sha: str, pushes: Sequence[Push], now: datetime) -> list[Push]:
    """Return the recent pushes that may have come after GitHub's answer `sha` was true."""
    mentions = [push for push in pushes if sha in {push.before, push.after}]
    return [
        push
        for push in pushes
        if push.after != sha
        and now - push.received_at < STALENESS
        and not any(
            is_newer(mention, push, pushes) or _is_received_later(mention, push)
            for mention in mentions
        )
    ]


def _is_received_later(push: Push, other: Push) -> bool:
    """True where two pushes say nothing of their order, and GitHub's answer confirms this one.

    Events that people make by hand are so; GitHub's own say where a push began.
    """
    says = any((push.before, push.pushed_at, other.before, other.pushed_at))
    return not says and push.received_at > other.received_at


def find_successors(commit_sha: str, pushes: Sequence[Push]) -> list[Push]:
    """Return the pushes that are certain to have come after every known push to a commit."""
    own = [push for push in pushes if push.after == commit_sha]
    return [
        push
        for push in pushes
        if own and push.after != commit_sha and all(is_newer(push, older, pushes) for older in own)
    ]


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """What GitHub answers, and the pushes by which it is judged."""

    sha: str
    pushes: Sequence[Push]
    is_doubtful: bool

    def is_replaced(self, commit_sha: str) -> bool:
        """True where a newer push than those to a commit is known, whatever GitHub shows.

        Where GitHub shows that very commit, the pushes' times must say so too.
        """
        own = [push.pushed_at for push in self.pushes if push.after == commit_sha]
        return any(
            self.sha != commit_sha
            or (push.pushed_at is not None and all(at and at < push.pushed_at for at in own))
            for push in find_successors(commit_sha, self.pushes)
        )


class FindHead:
    """Asks GitHub where the default branch ends."""

    def __init__(
        self,
        *,
        repositories: RepositoryStore,
        pushes: PushStore,
        recovery: ScanRecovery,
        errors: ErrorStore,
        source: CodeSource,
        queue: ScanQueue,
        now: Callable[[], datetime],
    ) -> None:
        self._repositories = repositories
        self._pushes = pushes
        self._recovery = recovery
        self._errors = errors
        self._source = source
        self._queue = queue
        self._now = now

    async def find(self, repository: Repository) -> str:
        """Return the commit at the head of the default branch.

        Raises:
            StaleHeadError: GitHub shows it as it was before a push, or may do so.
        """
        answer = await self._ask(repository)
        if answer.is_doubtful:
            raise StaleHeadError
        return answer.sha

    async def is_head(self, repository: Repository, commit_sha: str) -> bool:
        """Tell whether the default branch ends at a commit.

        Where it does not, a scan of the true head that was ended for an earlier one is queued.

        Raises:
            StaleHeadError: GitHub shows it as it was before a push, or may do so.
        """
        answer = await self._ask(repository)
        if answer.is_doubtful:
            if answer.is_replaced(commit_sha):
                return False
            raise StaleHeadError
        if answer.sha == commit_sha:
            return True
        await self._requeue(repository.id, answer)
        return False

    async def _ask(self, repository: Repository) -> _Answer:
        # People may have made another branch the default one since the scan began.
        stored = await self._repositories.get(repository.full_name, EVERYTHING) or repository
        ref = f"refs/heads/{stored.default_branch}"
        sha = await self._source.resolve(stored.ref, ref)
        pushes = await self._pushes.list(stored.id, ref)
        is_doubtful = await self._is_doubtful(stored, sha, pushes)
        return _Answer(sha=sha, pushes=pushes, is_doubtful=is_doubtful)

    async def _is_doubtful(self, repository: Repository, sha: str, pushes: Sequence[Push]) -> bool:
        """Tell whether GitHub's answer may be older than a push that is known.

        A head that contains what was pushed is newer than it, where nothing says the opposite.
        """
        doubts = find_doubts(sha, pushes, self._now())
        mentions = [push for push in pushes if sha in {push.before, push.after}]
        if not doubts:
            return False
        if not mentions:
            last = max(
                doubts, key=lambda push: (push.pushed_at or push.received_at, push.received_at)
            )
            return not await self._contains(repository, sha, last)
        if len(doubts) > _MOST_COMPARED or any(
            is_newer(doubt, mention, pushes) for doubt in doubts for mention in mentions
        ):
            return True
        for doubt in doubts:
            if not await self._contains(repository, sha, doubt):
                return True
        return False

    async def _requeue(self, repository_id: str, answer: _Answer) -> None:
        """Queue the scan of the head again where it ended for a push that came before it.

        GitHub's times can be wrong. It is done once for each scan.
        """
        push = next((push for push in answer.pushes if push.after == answer.sha), None)
        if push is None or push.scan_id is None or push.scan_status not in _ENDED_WELL:
            return
        state = await self._errors.state(repository_id)
        if state is not None and state.commit_sha == answer.sha:
            return
        target = await self._recovery.find_target(push.scan_id)
        if target is None or target.rerun:
            return
        if await self._recovery.reopen(push.scan_id, failed_only=False):
            await asyncio.to_thread(self._queue.send, replace(target, rerun=True))

    async def _contains(self, repository: Repository, sha: str, push: Push) -> bool:
        """Tell whether a head was pushed on top of a push; one by force may have taken it away."""
        if push.forced:
            return False
        try:
            compared = await self._source.compare(repository.ref, push.after, sha)
        except (GitHubRefusedError, RepositoryNotFoundError):
            return False
        return compared.merge_base_sha == push.after
