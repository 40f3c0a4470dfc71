"""Take failed scans up again: `kova scans retry` and `kova replay`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from kova.scans.ports import DeliveryStore, ScanQueue, ScanRecovery
from kova.scans.scan import ScanTarget
from kova.shared.exceptions import ConflictError, NotFoundError

_AT_ONCE: Final = 100


class RetryScans:
    """Queues scans again, each as somebody's new wish."""

    def __init__(
        self, *, recovery: ScanRecovery, deliveries: DeliveryStore, queue: ScanQueue
    ) -> None:
        self._recovery = recovery
        self._deliveries = deliveries
        self._queue = queue

    async def retry(self, scan_id: str) -> ScanTarget:
        """Queue a scan that failed; return what it is about.

        Raises:
            NotFoundError: there is no such scan.
            ConflictError: it has not failed.
            UnavailableError: the database or the queue does not answer.
        """
        target = await self._find(scan_id)
        if not await self._recovery.reopen(scan_id):
            raise ConflictError(f"The scan {scan_id} has not failed.")
        await self._send(target)
        return target

    async def retry_failed(
        self, full_name: str | None, since: datetime | None
    ) -> AsyncIterator[tuple[str, ScanTarget]]:
        """Queue the scans that have failed; yield each with its id.

        Args:
            full_name: those of one repository; None for all.
            since: those that failed at this moment or later; None for all.
        """
        seen: set[str] = set()
        # One that fails again meanwhile is not taken up a second time.
        while failed := await self._recovery.find_failed(full_name, since, _AT_ONCE + len(seen)):
            fresh = {scan_id: target for scan_id, target in failed.items() if scan_id not in seen}
            if not fresh:
                return
            for scan_id, target in fresh.items():
                seen.add(scan_id)
                if await self._recovery.reopen(scan_id):
                    await self._send(target)
                    yield scan_id, target

    async def replay(self, delivery: str) -> tuple[str, ScanTarget]:
        """Queue the scan of a delivery again, however it ended; return its id and target.

        Raises:
            NotFoundError: no scan of this delivery has ended.
            ConflictError: its scan is queued or running.
        """
        scan_id = await self._deliveries.scan_of(delivery)
        if scan_id is None:
            raise NotFoundError(
                "No scan of this delivery has ended. GitHub can send it again: the App's page"
                " Advanced lists the deliveries of the last days."
            )
        target = replace(await self._find(scan_id), rerun=True)
        if not await self._recovery.reopen(scan_id, failed_only=False):
            raise ConflictError(f"The scan {scan_id} is queued or running.")
        await self._send(target)
        return scan_id, target

    async def _find(self, scan_id: str) -> ScanTarget:
        target = await self._recovery.find_target(scan_id)
        if target is None:
            raise NotFoundError(f"There is no scan {scan_id}.")
        return target

    async def _send(self, target: ScanTarget) -> None:
        """Send its message; if that fails, the reopened row is queued again by housekeeping."""
        await asyncio.to_thread(self._queue.send, target)
