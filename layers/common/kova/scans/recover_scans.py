"""Take up scans whose worker died or whose message was lost."""

from __future__ import annotations

import asyncio
from typing import Final

from kova.scans.exceptions import ScanLostError
from kova.scans.failure_text import describe_failure
from kova.scans.message import ScanRetry
from kova.scans.ports import ScanQueue, ScanRecovery, ScanStore
from kova.scans.scan import OverdueScan
from kova.scans.tell_failure import TellFailure
from kova.shared.ports import RepositoryStore
from kova.shared.reach import EVERYTHING

MOST_REQUEUES: Final = 10
_AT_ONCE: Final = 100


class RecoverScans:
    """A periodic task: what is overdue is queued again, and ended when that does not help."""

    def __init__(
        self,
        *,
        repositories: RepositoryStore,
        scans: ScanStore,
        recovery: ScanRecovery,
        queue: ScanQueue,
        tell: TellFailure,
    ) -> None:
        self._repositories = repositories
        self._scans = scans
        self._recovery = recovery
        self._queue = queue
        self._tell = tell

    async def recover(self) -> int:
        """Return how many scans were overdue.

        Raises:
            UnavailableError: the database or the queue does not answer; a later call goes on.
        """
        overdue = await self._recovery.take_overdue(_AT_ONCE)
        for scan in overdue:
            if scan.requeues > MOST_REQUEUES:
                await self._end(scan)
            else:
                # The message that was lost may only be late: it is sent on, and no new wish.
                retry = ScanRetry(due_at=scan.retry_at)
                await asyncio.to_thread(self._queue.send, scan.target, retry)
        return len(overdue)

    async def _end(self, scan: OverdueScan) -> None:
        failure = describe_failure(ScanLostError())
        repository = await self._repositories.get(scan.target.repository, EVERYTHING)
        if repository is not None:
            await self._tell.tell(repository, scan.target, scan.id, failure)
        await self._scans.fail(scan.id, failure)
