"""Scans in Postgres, with the lease that keeps two workers apart."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from kova.adapters.postgres.outbox import record_ended_scan
from kova.adapters.postgres.pool import Database
from kova.adapters.postgres.rows import (
    REACHED,
    as_uuid,
    clean_values,
    fetch_page,
    reach_values,
)
from kova.scans.exceptions import SuspectScanError
from kova.scans.message import encode_target
from kova.scans.scan import FailureSeries, Scan, ScanStats, ScanStatus, ScanTarget, Trigger
from kova.shared.claimed_scan import ClaimedScan
from kova.shared.exceptions import BusyError, NotFoundError
from kova.shared.page import Page, PageRequest
from kova.shared.reach import EVERYTHING, Reach
from kova.shared.retry import FailureKind
from kova.shared.skipped import Skipped
from kova.shared.text import clean

_SELECT: Final[LiteralString] = """
SELECT scans.*, repositories.full_name AS repository
FROM scans JOIN repositories ON repositories.id = scans.repository_id"""

_CREATE: Final[LiteralString] = """
INSERT INTO scans (id, repository_id, dedupe_key, ref, commit_sha, trigger, target)
VALUES (coalesce(%(id)s, gen_random_uuid()), %(repository_id)s, %(key)s, %(ref)s, %(sha)s,
    %(trigger)s, %(target)s)
ON CONFLICT (repository_id, dedupe_key) DO UPDATE SET dedupe_key = EXCLUDED.dedupe_key
RETURNING id"""

# Another live scan of the same commit makes this one wait: FOR UPDATE on the repository's row
# orders two claims that come at the same moment.
_LOCK: Final[LiteralString] = """
SELECT scans.id, scans.status, scans.repository_id, scans.worker_deaths,
    scans.lease_until > now() AND scans.lease IS DISTINCT FROM %(unreleased)s AS held,
    scans.status = 'running' AND scans.lease IS DISTINCT FROM %(unreleased)s AS died,
    EXISTS (
        SELECT FROM scans AS other WHERE other.repository_id = scans.repository_id
        AND other.commit_sha = scans.commit_sha AND other.id <> scans.id
        AND other.lease_until > now()
    ) AS same_commit_held,
    (
        SELECT count(*) FROM scans AS other WHERE other.repository_id = scans.repository_id
        AND other.id <> scans.id AND other.status = 'running' AND other.lease_until > now()
    ) >= %(share)s::int AS share_is_spent
FROM scans JOIN repositories ON repositories.id = scans.repository_id
WHERE scans.id = %(id)s FOR UPDATE OF repositories, scans"""

# A worker renews its lease three times in its length: whoever is late by 45 seconds is dead.
_CLAIM: Final[LiteralString] = """
UPDATE scans SET status = 'running', lease = %(lease)s, lease_until = now() + %(duration)s,
    attempts = attempts + 1, worker_deaths = %(deaths)s, retry_at = NULL, requeues = 0,
    started_at = coalesce(started_at, now()),
    look_at = now() + %(duration)s + interval '45 seconds'
WHERE id = %(id)s RETURNING started_at, attempts"""

_RENEW: Final[LiteralString] = """
UPDATE scans SET lease_until = now() + %(duration)s,
    look_at = now() + %(duration)s + interval '45 seconds'
WHERE id = %(id)s AND lease = %(lease)s"""

_COUNT_FAILURE: Final[LiteralString] = """
UPDATE scans SET failure_kind = %(kind)s,
    failures = CASE WHEN failure_kind = %(kind)s THEN failures + 1 ELSE 1 END,
    failing_since = CASE WHEN failure_kind = %(kind)s THEN failing_since ELSE now() END
WHERE id = %(id)s AND lease = %(lease)s
RETURNING failures, now() - failing_since AS age"""

_POSTPONE: Final[LiteralString] = """
UPDATE scans SET status = 'queued', lease = NULL, lease_until = NULL, failure = %(reason)s,
    retry_at = now() + %(delay)s, look_at = now() + %(delay)s + interval '10 minutes'
WHERE id = %(id)s AND lease = %(lease)s
RETURNING retry_at"""

_FINISH: Final[LiteralString] = """
UPDATE scans SET status = %(status)s, stats = %(stats)s, skipped = %(skipped)s,
    coverage = %(coverage)s, failure = %(failure)s, check_run_url = %(check_run_url)s,
    finished_at = now(), lease = NULL, lease_until = NULL, retry_at = NULL
WHERE id = %(id)s AND lease = %(lease)s"""


_FAIL: Final[LiteralString] = """
UPDATE scans SET status = 'failed', failure = %(failure)s, finished_at = now(),
    lease = NULL, lease_until = NULL, retry_at = NULL
WHERE id = %(id)s AND status IN ('queued', 'running')"""


_SKIP: Final[LiteralString] = """
UPDATE scans SET status = 'skipped', failure = %(reason)s, finished_at = now(),
    lease = NULL, lease_until = NULL, retry_at = NULL
WHERE id = %(id)s AND (status = 'queued' OR status = 'running' AND lease_until < now())"""


_HOLD: Final[LiteralString] = """
UPDATE scans SET lease = %(lease)s, lease_until = now() + %(duration)s
WHERE id = %(id)s RETURNING now()"""

_RELEASE: Final[LiteralString] = """
UPDATE scans SET lease = NULL, lease_until = NULL,
    check_run_url = CASE status WHEN 'skipped' THEN coalesce(%(url)s, check_run_url)
        ELSE check_run_url END
WHERE id = %(id)s AND lease = %(lease)s"""


class PostgresScanStore:
    """Implements scans.ports.ScanStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, target: ScanTarget, repository_id: str) -> Scan:
        """Record a queued scan, once."""
        values = {
            "id": as_uuid(target.scan_id) if target.scan_id else None,
            "repository_id": as_uuid(repository_id),
            "key": target.dedupe_key,
            "ref": target.ref,
            "sha": target.commit_sha,
            "trigger": target.trigger,
            "target": Jsonb(encode_target(target)),
        }
        async with self._database.transaction() as connection:
            row = await (await connection.execute(_CREATE, clean_values(values))).fetchone()
        assert row is not None
        scan = await self.get(str(row["id"]), EVERYTHING)
        assert scan is not None
        return scan

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
        token = uuid.uuid4()
        values = {
            "id": as_uuid(scan_id),
            "unreleased": as_uuid(unreleased) if unreleased else None,
            "lease": token,
            "duration": lease,
            "share": share,
        }
        async with self._database.transaction() as connection:
            row = await (await connection.execute(_LOCK, values)).fetchone()
            if row is None:
                raise NotFoundError
            if ScanStatus(row["status"]).final:
                return None
            if row["held"] or row["same_commit_held"] or row["share_is_spent"]:
                raise BusyError
            deaths = row["worker_deaths"] + bool(row["died"])
            if deaths and not alone:
                raise SuspectScanError
            values["deaths"] = deaths
            claimed = await (await connection.execute(_CLAIM, values)).fetchone()
        assert claimed is not None
        return ClaimedScan(
            id=scan_id,
            repository_id=str(row["repository_id"]),
            lease=str(token),
            started_at=claimed["started_at"],
            attempt=claimed["attempts"],
            worker_deaths=deaths,
        )

    async def renew(self, claim: ClaimedScan, lease: timedelta) -> bool:
        """Prolong the lease."""
        values = {"id": as_uuid(claim.id), "lease": as_uuid(claim.lease), "duration": lease}
        return await self._update(_RENEW, values)

    async def resolve(self, scan_id: str, ref: str, commit_sha: str) -> None:
        """Note the commit."""
        await self._update(
            "UPDATE scans SET ref = %(ref)s, commit_sha = %(sha)s WHERE id = %(id)s",
            {"id": as_uuid(scan_id), "ref": ref, "sha": commit_sha},
        )

    async def count_failure(self, claim: ClaimedScan, kind: FailureKind) -> FailureSeries | None:
        """Count it, in a row with those before it of its kind."""
        values = {"id": as_uuid(claim.id), "lease": as_uuid(claim.lease), "kind": kind}
        async with self._database.transaction() as connection:
            row = await (await connection.execute(_COUNT_FAILURE, values)).fetchone()
        return FailureSeries(attempt=row["failures"], age=row["age"]) if row else None

    async def postpone(
        self, claim: ClaimedScan, delay: timedelta, reason: str = ""
    ) -> datetime | None:
        """Queue it again, for later."""
        values = {
            "id": as_uuid(claim.id),
            "lease": as_uuid(claim.lease),
            "delay": delay,
            "reason": reason,
        }
        async with self._database.transaction() as connection:
            row = await (await connection.execute(_POSTPONE, clean_values(values))).fetchone()
        return row["retry_at"] if row else None

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
        """End it, if the claim still holds."""
        values = {
            "id": as_uuid(claim.id),
            "lease": as_uuid(claim.lease),
            "status": status,
            "stats": Jsonb(asdict(stats)),
            "skipped": Jsonb(
                [
                    {"path": clean(skipped_file.path), "reason": skipped_file.reason}
                    for skipped_file in skipped
                ]
            ),
            "coverage": Jsonb(dict(coverage or {})),
            "failure": failure,
            "check_run_url": check_run_url,
        }
        return await self._end(_FINISH, values, checks_failed=checks_failed)

    async def fail(self, scan_id: str, failure: str) -> None:
        """End it for good."""
        await self._end(_FAIL, {"id": as_uuid(scan_id), "failure": failure})

    async def skip(self, scan_id: str, reason: str) -> bool:
        """End it without an attempt."""
        return await self._update(_SKIP, {"id": as_uuid(scan_id), "reason": reason})

    async def hold_skipped(self, scan_id: str, lease: timedelta) -> ClaimedScan | None:
        """Lease it as it is."""
        token = uuid.uuid4()
        values: dict[str, Any] = {"id": as_uuid(scan_id), "unreleased": None, "share": None}
        async with self._database.transaction() as connection:
            row = await (await connection.execute(_LOCK, values)).fetchone()
            if row is None or ScanStatus(row["status"]) is not ScanStatus.SKIPPED:
                return None
            if row["held"] or row["same_commit_held"]:
                raise BusyError
            values |= {"lease": token, "duration": lease}
            leased = await (await connection.execute(_HOLD, values)).fetchone()
        assert leased is not None
        return ClaimedScan(
            id=scan_id,
            repository_id=str(row["repository_id"]),
            lease=str(token),
            started_at=leased["now"],
        )

    async def release_skipped(self, claim: ClaimedScan, url: str | None) -> None:
        """Note the page."""
        values = {"id": as_uuid(claim.id), "lease": as_uuid(claim.lease), "url": url}
        await self._update(_RELEASE, values)

    async def get(self, scan_id: str, reach: Reach) -> Scan | None:
        """Find one."""
        query: LiteralString = _SELECT + " WHERE scans.id = %(id)s AND " + REACHED
        values = {"id": as_uuid(scan_id), **reach_values(reach)}
        async with self._database.transaction() as connection:
            row = await (await connection.execute(query, values)).fetchone()
        return _scan(row) if row else None

    async def page(self, request: PageRequest, repository: str | None, reach: Reach) -> Page[Scan]:
        """List, newest first."""
        where: list[LiteralString] = []
        if repository is not None:
            if not reach.covers(repository):
                return Page(items=(), next=None)
            reach = EVERYTHING  # The filter is narrower.
            where.append(
                "scans.repository_id ="
                " (SELECT id FROM repositories WHERE lower(full_name) = lower(%(repository)s))"
            )
        async with self._database.reading() as connection:
            return await fetch_page(
                connection,
                select=_SELECT,
                table="scans",
                ordered_by="created_at",
                where=where,
                values={"repository": repository},
                request=request,
                make=_scan,
                reach=reach,
            )

    async def _end(
        self, query: LiteralString, values: dict[str, Any], *, checks_failed: bool = False
    ) -> bool:
        """End a scan together with what people are told of it."""
        async with self._database.transaction() as connection:
            if (await connection.execute(query, clean_values(values))).rowcount != 1:
                return False
            await record_ended_scan(connection, values["id"], checks=checks_failed)
        return True

    async def _update(self, query: LiteralString, values: dict[str, Any]) -> bool:
        async with self._database.transaction() as connection:
            return (await connection.execute(query, clean_values(values))).rowcount == 1


def _scan(row: DictRow) -> Scan:
    return Scan(
        id=str(row["id"]),
        repository=row["repository"],
        ref=row["ref"],
        commit_sha=row["commit_sha"],
        trigger=Trigger(row["trigger"]),
        status=ScanStatus(row["status"]),
        created_at=row["created_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        stats=ScanStats(**row["stats"]),
        skipped=tuple(Skipped(**skipped_file) for skipped_file in row["skipped"]),
        coverage=row["coverage"],
        failure=row["failure"] if row["status"] in {"failed", "skipped"} else None,
        check_run_url=row["check_run_url"],
        attempts=row["attempts"],
        retry_at=row["retry_at"],
        retry_reason=row["failure"] if row["retry_at"] else None,
    )
