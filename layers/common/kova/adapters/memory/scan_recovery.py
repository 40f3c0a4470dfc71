"""Scans in memory that are taken up again: failed ones, and those whose message was lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from kova.adapters.memory.database import MemoryDatabase, ScanRow
from kova.adapters.memory.scans import UNTIL_LOOK
from kova.scans.scan import OverdueScan, ScanStatus, ScanTarget

_FIRST_PAUSE: Final = timedelta(minutes=2)
_LONGEST_PAUSE: Final = timedelta(hours=6)


class MemoryScanRecovery:
    """Implements scans.ports.ScanRecovery."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def reopen(self, scan_id: str, *, failed_only: bool = True, by_hand: bool = True) -> bool:
        """Queue a scan that has ended, as if it were new; False if it has not."""
        now, row = self._database.now(), self._database.scans.get(scan_id)
        if row is None or not row.scan.status.final:
            return False
        if failed_only and row.scan.status is not ScanStatus.FAILED:
            return False
        scan = replace(
            row.scan,
            status=ScanStatus.QUEUED,
            failure=None,
            started_at=None,
            finished_at=None,
            retry_at=now,
            retry_reason=None,
            attempts=0,
        )
        is_pushed = row.target.push_id is not None
        self._database.scans[scan_id] = replace(
            row,
            scan=scan,
            target=replace(row.target, rerun=True) if by_hand and is_pushed else row.target,
            failure_kind=None,
            failures=0,
            failing_since=None,
            requeues=0,
            worker_deaths=max(row.worker_deaths - 1, 0),
            look_at=now + UNTIL_LOOK,
        )
        return True

    async def defer(self, scan_id: str, delay: timedelta) -> None:
        """Record that a queued scan is looked at again after the delay."""
        now, row = self._database.now(), self._database.scans.get(scan_id)
        if row is not None and row.scan.status is ScanStatus.QUEUED:
            look_at = max(row.look_at, now + delay + UNTIL_LOOK)
            self._database.scans[scan_id] = replace(row, look_at=look_at)

    async def take_overdue(self, limit: int) -> Sequence[OverdueScan]:
        """Return scans that should have been looked at; count a requeue."""
        now = self._database.now()
        overdue = [
            row
            for row in self._database.scans.values()
            if not row.scan.status.final
            and row.look_at < now
            and (row.lease_until is None or row.lease_until < now)
        ]
        return [
            self._requeue(row, now) for row in sorted(overdue, key=lambda row: row.look_at)[:limit]
        ]

    async def find_failed(
        self, full_name: str | None, since: datetime | None, limit: int
    ) -> Mapping[str, ScanTarget]:
        """Return what scans that have failed are about, by id, those that failed first first."""
        self._database.check()
        failed = [
            (row.scan.finished_at, row.scan.id, row)
            for row in self._database.scans.values()
            if row.scan.status is ScanStatus.FAILED and row.scan.finished_at is not None
        ]
        matching = [
            row
            for finished_at, _, row in sorted(failed, key=lambda triple: triple[:2])
            if (since is None or finished_at >= since)
            and (full_name is None or self._name(row).lower() == full_name.lower())
        ]
        return {row.scan.id: self._target(row) for row in matching[:limit]}

    async def find_target(self, scan_id: str) -> ScanTarget | None:
        """Return what a scan is about; None where there is no such scan."""
        self._database.check()
        row = self._database.scans.get(scan_id)
        return self._target(row) if row else None

    async def find_of_commit(self, repository_id: str, commit_sha: str) -> Sequence[ScanTarget]:
        """Return what the scans of a commit are about, the newest of each branch or pull."""
        self._database.check()
        rows = [
            row
            for row in self._database.scans.values()
            if (row.repository_id, row.scan.commit_sha) == (repository_id, commit_sha)
        ]
        newest: dict[object, ScanTarget] = {}
        for row in sorted(rows, key=lambda row: (row.scan.created_at, row.scan.id), reverse=True):
            newest.setdefault(row.target.pull_request, self._target(row))
        return list(newest.values())

    def _requeue(self, row: ScanRow, now: datetime) -> OverdueScan:
        pause = min(_FIRST_PAUSE * 2**row.requeues, _LONGEST_PAUSE)
        row = replace(row, requeues=row.requeues + 1, look_at=now + pause)
        self._database.scans[row.scan.id] = row
        return OverdueScan(
            id=row.scan.id,
            target=self._target(row),
            requeues=row.requeues,
            retry_at=row.scan.retry_at,
        )

    def _target(self, row: ScanRow) -> ScanTarget:
        """Return the target with what is known of its repository today."""
        repository = self._database.repositories[row.repository_id]
        return row.target.of_known(repository.full_name, repository.installation_id)

    def _name(self, row: ScanRow) -> str:
        return self._database.repositories[row.repository_id].full_name
