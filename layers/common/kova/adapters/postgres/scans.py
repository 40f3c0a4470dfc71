"""Scans in Postgres, with the lease that keeps two workers apart."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
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
from kova.scans.scan import Scan, ScanStats, ScanStatus, ScanTarget, Trigger
from kova.shared.claimed_scan import ClaimedScan
from kova.shared.exceptions import BusyError, NotFoundError
from kova.shared.page import Page, PageRequest
from kova.shared.reach import EVERYTHING, Reach
from kova.shared.skipped import Skipped
from kova.shared.text import clean

_SELECT: Final[LiteralString] = """
SELECT scans.*, repositories.full_name AS repository
FROM scans JOIN repositories ON repositories.id = scans.repository_id"""

_CREATE: Final[LiteralString] = """
INSERT INTO scans (id, repository_id, dedupe_key, ref, commit_sha, trigger)
VALUES (coalesce(%(id)s, gen_random_uuid()), %(repository_id)s, %(key)s, %(ref)s, %(sha)s,
    %(trigger)s)
ON CONFLICT (repository_id, dedupe_key) DO UPDATE SET dedupe_key = EXCLUDED.dedupe_key
RETURNING id"""

# Another live scan of the same commit makes this one wait: FOR UPDATE on the repository's row
# orders two claims that come at the same moment.
_LOCK: Final[LiteralString] = """
SELECT scans.id, scans.status, scans.repository_id, scans.lease_until > now() AS held,
    EXISTS (
        SELECT FROM scans AS other WHERE other.repository_id = scans.repository_id
        AND other.commit_sha = scans.commit_sha AND other.id <> scans.id
        AND other.status = 'running' AND other.lease_until > now()
    ) AS same_commit_held
FROM scans JOIN repositories ON repositories.id = scans.repository_id
WHERE scans.id = %(id)s FOR UPDATE OF repositories, scans"""

_CLAIM: Final[LiteralString] = """
UPDATE scans SET status = 'running', lease = %(lease)s, lease_until = now() + %(duration)s,
    attempts = attempts + 1, started_at = coalesce(started_at, now())
WHERE id = %(id)s RETURNING started_at"""

_FINISH: Final[LiteralString] = """
UPDATE scans SET status = %(status)s, stats = %(stats)s, skipped = %(skipped)s,
    coverage = %(coverage)s, failure = %(failure)s, check_run_url = %(check_run_url)s,
    finished_at = now(), lease = NULL, lease_until = NULL
WHERE id = %(id)s AND lease = %(lease)s"""


_FAIL: Final[LiteralString] = """
UPDATE scans SET status = 'failed', failure = %(failure)s, finished_at = now(),
    lease = NULL, lease_until = NULL
WHERE id = %(id)s AND status IN ('queued', 'running')"""


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
        }
        async with self._database.transaction() as connection:
            row = await (await connection.execute(_CREATE, clean_values(values))).fetchone()
        assert row is not None
        scan = await self.get(str(row["id"]), EVERYTHING)
        assert scan is not None
        return scan

    async def claim(self, scan_id: str, lease: timedelta) -> ClaimedScan | None:
        """Lease a scan to this worker; None when it is finished."""
        token = uuid.uuid4()
        async with self._database.transaction() as connection:
            row = await (await connection.execute(_LOCK, {"id": as_uuid(scan_id)})).fetchone()
            if row is None:
                raise NotFoundError
            if ScanStatus(row["status"]).final:
                return None
            if row["held"] or row["same_commit_held"]:
                raise BusyError
            values = {"id": row["id"], "lease": token, "duration": lease}
            claimed = await (await connection.execute(_CLAIM, values)).fetchone()
        assert claimed is not None
        return ClaimedScan(
            id=scan_id,
            repository_id=str(row["repository_id"]),
            lease=str(token),
            started_at=claimed["started_at"],
        )

    async def renew(self, claim: ClaimedScan, lease: timedelta) -> bool:
        """Prolong the lease."""
        return await self._update(
            """UPDATE scans SET lease_until = now() + %(duration)s
            WHERE id = %(id)s AND lease = %(lease)s""",
            {"id": as_uuid(claim.id), "lease": as_uuid(claim.lease), "duration": lease},
        )

    async def resolve(self, scan_id: str, ref: str, commit_sha: str) -> None:
        """Note the commit."""
        await self._update(
            "UPDATE scans SET ref = %(ref)s, commit_sha = %(sha)s WHERE id = %(id)s",
            {"id": as_uuid(scan_id), "ref": ref, "sha": commit_sha},
        )

    async def release(self, claim: ClaimedScan) -> None:
        """Let it go."""
        await self._update(
            """UPDATE scans SET status = 'queued', lease = NULL, lease_until = NULL
            WHERE id = %(id)s AND lease = %(lease)s""",
            {"id": as_uuid(claim.id), "lease": as_uuid(claim.lease)},
        )

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
        failure=row["failure"],
        check_run_url=row["check_run_url"],
    )
