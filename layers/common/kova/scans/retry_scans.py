"""Take scans up again: re-runs on GitHub, `kova scans retry` and `kova replay`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from kova.scans.ports import DeliveryStore, ScanQueue, ScanRecovery
from kova.scans.scan import ScanTarget
from kova.shared.code_source import CodeSource
from kova.shared.exceptions import ConflictError, NotFoundError
from kova.shared.repository import Repository

_AT_ONCE: Final = 100


class FindReruns:
    """Finds what a re-run is about: among the scans of the commit first, then at GitHub."""

    def __init__(self, *, recovery: ScanRecovery, source: CodeSource) -> None:
        self._recovery = recovery
        self._source = source

    async def find(self, repository: Repository, target: ScanTarget) -> Sequence[ScanTarget]:
        """Return the scans that an incomplete re-run asks for, each of them complete."""
        known = await self._find_known(repository, target)
        if known or target.pull_request is None:
            return known
        pull = await self._source.pull_request(repository.ref, target.pull_request)
        return [replace(target, base_sha=pull.base_sha)]

    async def find_pushed(self, repository: Repository, target: ScanTarget) -> ScanTarget:
        """Return the newest scan of the commit that a re-run names with its branch."""
        known = await self._find_known(repository, target)
        return next((scan for scan in known if scan.ref == target.ref), target)

    async def _find_known(self, repository: Repository, target: ScanTarget) -> Sequence[ScanTarget]:
        assert target.commit_sha is not None
        return [
            replace(scan, delivery=target.delivery, rerun=True)
            for scan in await self._recovery.find_of_commit(repository.id, target.commit_sha)
            if target.pull_request in {None, scan.pull_request}
        ]


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
        if target.push_id is not None:
            target = replace(target, rerun=True)  # No newer push supersedes it.
        await asyncio.to_thread(self._queue.send, target)
