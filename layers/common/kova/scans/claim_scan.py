"""Claim a scan for a message: now, later, or not at all, for the message is an old one.

The lease of a claim is renewed while its worker works on it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from typing import Final

from kova.scans.exceptions import NotDueError, SuspectScanError
from kova.scans.message import ScanJob
from kova.scans.ports import ScanRecovery, ScanStore
from kova.scans.scan import Scan, ScanStatus
from kova.scans.worker_slots import WorkerSlots
from kova.shared.claimed_scan import ClaimedScan
from kova.shared.exceptions import BusyError
from kova.shared.lease import renewing_lease
from kova.shared.run_job import Receipt

LEASE: Final = timedelta(seconds=15)
# Clocks differ, and SQS counts whole seconds: an attempt that is nearly due is due.
_EARLY: Final = timedelta(seconds=5)
_BUSY: Final = timedelta(minutes=1)


class ClaimScan:
    """Decides what a message may begin; nothing else does."""

    def __init__(
        self,
        *,
        scans: ScanStore,
        recovery: ScanRecovery,
        slots: WorkerSlots,
        now: Callable[[], datetime],
        share: int | None = None,
    ) -> None:
        """`share`: how many scans of a repository may run at once, in all workers; None: any."""
        self._scans = scans
        self._recovery = recovery
        self._slots = slots
        self._now = now
        self._share = share

    def check_due(self, due_at: datetime | None) -> None:
        """Do nothing where an attempt is due; None is always due.

        Raises:
            NotDueError: it is not; `retry_after` is in seconds, and `due_at` the moment.
        """
        now = self._now()
        if due_at is not None and due_at > now + _EARLY:
            wait = (due_at - now).total_seconds()
            raise NotDueError(retry_after=wait, due_at=due_at)

    @asynccontextmanager
    async def claim(
        self, scan: Scan, job: ScanJob, receipt: Receipt
    ) -> AsyncIterator[ClaimedScan | None]:
        """Hold the scan's claim, and the worker's slot, while the block runs.

        None where there is nothing to do: the scan has ended, or another message stands for it.

        Raises:
            BusyError: another worker has it in hand, or its repository's share is spent.
            NotDueError: its next attempt is not due yet.
        """
        if scan.status.final and not await self._reopen(scan, job, receipt):
            yield None
            return
        is_again = receipt.number > 1
        if scan.retry_at is not None and (job.retry is not None or is_again):
            is_meant = job.retry is not None and (
                job.retry.due_at == scan.retry_at or job.retry.lease is not None
            )
            if not is_meant and not is_again:
                yield None  # The row has moved on, and another message stands for it.
                return
            self.check_due(scan.retry_at)
        async with AsyncExitStack() as stack:
            yield await self._enter(stack, scan, job)

    async def _enter(self, stack: AsyncExitStack, scan: Scan, job: ScanJob) -> ClaimedScan | None:
        unreleased = job.retry.lease if job.retry else None
        await stack.enter_async_context(self._slots.shared())
        try:
            return await self._scans.claim(
                scan.id, LEASE, unreleased=unreleased, alone=False, share=self._share
            )
        except SuspectScanError:
            await stack.aclose()
            await stack.enter_async_context(self._slots.alone())
            return await self._scans.claim(scan.id, LEASE, unreleased=unreleased, share=self._share)
        except BusyError:
            await self._recovery.defer(scan.id, _BUSY)
            raise

    async def _reopen(self, scan: Scan, job: ScanJob, receipt: Receipt) -> bool:
        """Queue an ended scan again where the message is somebody's wish for that.

        One that is received again is the wish that the ended attempts have met, unless it was sent
        after them.
        """
        if job.retry is not None:
            return False
        if receipt.number > 1 and scan.finished_at is not None:
            age = timedelta(seconds=receipt.age or 0)
            if receipt.age is None or self._now() - age <= scan.finished_at:
                return False
        by_hand = job.target.rerun
        # What was skipped for a newer push may be the newest by now: its branch came back to it.
        is_wanted = by_hand or scan.status is ScanStatus.SKIPPED
        if scan.status is not ScanStatus.FAILED and not is_wanted:
            return False
        return await self._recovery.reopen(scan.id, failed_only=not is_wanted, by_hand=by_hand)


def renewing_claim(
    scans: ScanStore, claim: ClaimedScan
) -> AbstractAsyncContextManager[None, bool | None]:
    """Renew the claim's lease while the block runs; cancel the block when the lease is lost.

    Raises:
        ConflictError: another worker took the scan over.
    """
    return renewing_lease(
        lambda: scans.renew(claim, LEASE), LEASE, on_loss="Another worker took the scan over."
    )
