"""Scans in memory, with the lease that keeps two workers apart."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from kova.adapters.memory.database import MemoryDatabase, ScanRow
from kova.adapters.memory.outbox import record_ended_scan
from kova.adapters.memory.pages import newest_first
from kova.scans.exceptions import SuspectScanError
from kova.scans.scan import FailureSeries, Scan, ScanStats, ScanStatus, ScanTarget
from kova.shared.claimed_scan import ClaimedScan
from kova.shared.exceptions import BusyError, NotFoundError
from kova.shared.page import Page, PageRequest, Position
from kova.shared.reach import Reach
from kova.shared.retry import FailureKind
from kova.shared.skipped import Skipped

UNTIL_LOOK: Final = timedelta(minutes=10)
UNTIL_DEAD: Final = timedelta(seconds=45)


class MemoryScanStore:
    """Implements scans.ports.ScanStore."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def create(self, target: ScanTarget, repository_id: str) -> Scan:
        """Record a queued scan, once."""
        now, key = self._database.now(), target.dedupe_key
        for row in self._database.scans.values():
            if (row.repository_id, row.dedupe_key) == (repository_id, key):
                return self._scan(row)
        scan = Scan(
            id=target.scan_id or str(uuid.uuid4()),
            repository=target.repository,
            ref=target.ref,
            commit_sha=target.commit_sha,
            trigger=target.trigger,
            status=ScanStatus.QUEUED,
            created_at=now,
        )
        row = ScanRow(
            scan=scan,
            repository_id=repository_id,
            dedupe_key=key,
            target=target,
            look_at=now + UNTIL_LOOK,
        )
        self._database.scans[scan.id] = row
        return self._scan(row)

    async def claim(
        self,
        scan_id: str,
        lease: timedelta,
        *,
        unreleased: str | None = None,
        alone: bool = True,
        share: int | None = None,
    ) -> ClaimedScan | None:
        """Lease a scan to this worker; None when it is finished."""
        now, row = self._database.now(), self._database.scans.get(scan_id)
        if row is None:
            raise NotFoundError
        if row.scan.status.final:
            return None
        running = 0
        for rival in self._leased(now):
            is_own = rival is row and row.lease == unreleased
            if (rival is row or _is_same_commit(rival, row)) and not is_own:
                raise BusyError
            is_running = rival is not row and rival.scan.status is ScanStatus.RUNNING
            running += is_running and rival.repository_id == row.repository_id
        if share is not None and running >= share:
            raise BusyError
        died = row.scan.status is ScanStatus.RUNNING and row.lease != unreleased
        deaths = row.worker_deaths + died
        if deaths and not alone:
            raise SuspectScanError
        token, started_at = str(uuid.uuid4()), row.scan.started_at or now
        scan = replace(
            row.scan,
            status=ScanStatus.RUNNING,
            started_at=started_at,
            attempts=row.scan.attempts + 1,
            retry_at=None,
            retry_reason=None,
        )
        self._database.scans[scan_id] = replace(
            row,
            scan=scan,
            lease=token,
            lease_until=now + lease,
            worker_deaths=deaths,
            requeues=0,
            look_at=now + lease + UNTIL_DEAD,
        )
        return ClaimedScan(
            id=scan_id,
            repository_id=row.repository_id,
            lease=token,
            started_at=started_at,
            attempt=scan.attempts,
            worker_deaths=deaths,
        )

    async def renew(self, claim: ClaimedScan, lease: timedelta) -> bool:
        """Renew the lease; False when another worker has it."""
        now, row = self._database.now(), self._claimed_row(claim)
        if row is None:
            return False
        self._database.scans[claim.id] = replace(
            row, lease_until=now + lease, look_at=now + lease + UNTIL_DEAD
        )
        return True

    async def resolve(self, scan_id: str, ref: str, commit_sha: str) -> None:
        """Record the commit of a scan that was requested without one."""
        self._database.check()
        row = self._database.scans.get(scan_id)
        if row is not None:
            scan = replace(row.scan, ref=ref, commit_sha=commit_sha)
            self._database.scans[scan_id] = replace(row, scan=scan)

    async def count_failure(self, claim: ClaimedScan, kind: FailureKind) -> FailureSeries | None:
        """Count a failed attempt; None when the claim was lost."""
        now, row = self._database.now(), self._claimed_row(claim)
        if row is None:
            return None
        since = row.failing_since if row.failure_kind is kind else None
        failures, since = row.failures + 1 if since else 1, since or now
        self._database.scans[claim.id] = replace(
            row, failure_kind=kind, failures=failures, failing_since=since
        )
        return FailureSeries(attempt=failures, age=now - since)

    async def postpone(
        self, claim: ClaimedScan, delay: timedelta, reason: str = ""
    ) -> datetime | None:
        """Give the lease up for an attempt after the delay; return its moment."""
        now, row = self._database.now(), self._claimed_row(claim)
        if row is None:
            return None
        scan = replace(
            row.scan, status=ScanStatus.QUEUED, retry_at=now + delay, retry_reason=reason
        )
        row = replace(_without_lease(row, scan), look_at=now + delay + UNTIL_LOOK)
        self._database.scans[claim.id] = row
        return scan.retry_at

    async def finish(
        self,
        claim: ClaimedScan,
        status: ScanStatus,
        *,
        stats: ScanStats,
        skipped: Sequence[Skipped],
        coverage: Mapping[str, Any] | None = None,
        failure: str | None = None,
        check_run_url: str | None = None,
        checks_failed: bool = False,
    ) -> bool:
        """End the scan; False when the claim was lost."""
        now, row = self._database.now(), self._claimed_row(claim)
        if row is None:
            return False
        scan = replace(
            row.scan,
            status=status,
            stats=stats,
            skipped=tuple(skipped),
            coverage=dict(coverage or {}),
            failure=failure,
            check_run_url=check_run_url,
            finished_at=now,
        )
        self._database.scans[claim.id] = _without_lease(row, scan)
        record_ended_scan(self._database, scan, row.repository_id, checks=checks_failed)
        return True

    async def fail(self, scan_id: str, failure: str) -> None:
        """End a scan that will not be tried again, unless it has ended."""
        now, row = self._database.now(), self._database.scans.get(scan_id)
        if row is not None and not row.scan.status.final:
            scan = replace(
                row.scan,
                status=ScanStatus.FAILED,
                failure=failure,
                finished_at=now,
                retry_at=None,
                retry_reason=None,
            )
            self._database.scans[scan_id] = _without_lease(row, scan)
            record_ended_scan(self._database, scan, row.repository_id, checks=False)

    async def skip(self, scan_id: str, reason: str) -> bool:
        """End a scan without an attempt; False where it has ended or a worker has it in hand."""
        now, row = self._database.now(), self._database.scans.get(scan_id)
        if row is None or row.scan.status.final:
            return False
        if row.scan.status is ScanStatus.RUNNING and row.lease_until and row.lease_until >= now:
            return False
        scan = replace(
            row.scan,
            status=ScanStatus.SKIPPED,
            failure=reason,
            finished_at=now,
            retry_at=None,
            retry_reason=None,
        )
        self._database.scans[scan_id] = _without_lease(row, scan)
        return True

    async def hold_skipped(self, scan_id: str, lease: timedelta) -> ClaimedScan | None:
        """Keep the commit of a skipped scan for this worker; None where it is skipped no more."""
        now, row = self._database.now(), self._database.scans.get(scan_id)
        if row is None or row.scan.status is not ScanStatus.SKIPPED:
            return None
        if any(rival is row or _is_same_commit(rival, row) for rival in self._leased(now)):
            raise BusyError
        token = str(uuid.uuid4())
        self._database.scans[scan_id] = replace(row, lease=token, lease_until=now + lease)
        return ClaimedScan(id=scan_id, repository_id=row.repository_id, lease=token, started_at=now)

    async def release_skipped(self, claim: ClaimedScan, url: str | None) -> None:
        """Give the lease up; `url` is the page of the check run that says why it was skipped."""
        self._database.check()
        row = self._database.scans.get(claim.id)
        if row is None or row.lease != claim.lease:
            return
        is_skipped = row.scan.status is ScanStatus.SKIPPED
        scan = replace(row.scan, check_run_url=url) if url and is_skipped else row.scan
        self._database.scans[claim.id] = _without_lease(row, scan)

    async def get(self, scan_id: str, reach: Reach) -> Scan | None:
        """Return a scan by id; None outside of the reach."""
        self._database.check()
        row = self._database.scans.get(scan_id)
        scan = self._scan(row) if row else None
        return scan if scan is not None and reach.covers(scan.repository) else None

    async def page(self, request: PageRequest, full_name: str | None, reach: Reach) -> Page[Scan]:
        """List those in the reach, newest first."""
        self._database.check()
        rows = list(self._database.scans.values())
        if full_name is not None:
            repository = self._database.find_repository(full_name)
            rows = [row for row in rows if repository and row.repository_id == repository.id]
        return newest_first(
            [scan for scan in map(self._scan, rows) if reach.covers(scan.repository)],
            request,
            lambda scan: Position(at=scan.created_at, id=scan.id),
        )

    def _claimed_row(self, claim: ClaimedScan) -> ScanRow | None:
        self._database.check()
        row = self._database.scans.get(claim.id)
        return row if row is not None and row.lease == claim.lease else None

    def _leased(self, now: datetime) -> list[ScanRow]:
        """Return the rows that a worker holds."""
        rows = self._database.scans.values()
        return [row for row in rows if row.lease_until is not None and row.lease_until > now]

    def _scan(self, row: ScanRow) -> Scan:
        """Return the scan with its repository's name of today."""
        repository = self._database.repositories[row.repository_id]
        return replace(row.scan, repository=repository.full_name)


def _is_same_commit(row: ScanRow, other: ScanRow) -> bool:
    commit = row.scan.commit_sha
    is_same_repository = row.repository_id == other.repository_id
    return is_same_repository and commit is not None and commit == other.scan.commit_sha


def _without_lease(row: ScanRow, scan: Scan) -> ScanRow:
    return replace(row, scan=scan, lease=None, lease_until=None)
