"""Scans in Postgres that are taken up again: failed ones, and those whose message was lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString

from psycopg.rows import DictRow

from kova.adapters.postgres.pool import Database
from kova.adapters.postgres.rows import as_uuid
from kova.scans.message import decode_target
from kova.scans.scan import OverdueScan, ScanTarget, Trigger

_COLUMNS: Final[LiteralString] = """
scans.id, scans.target, scans.dedupe_key, scans.trigger, scans.ref, scans.commit_sha,
repositories.full_name AS repository, repositories.installation_id"""

_REOPEN: Final[LiteralString] = """
UPDATE scans SET status = 'queued', failure = NULL, finished_at = NULL, started_at = NULL,
    attempts = 0, failure_kind = NULL, failures = 0, failing_since = NULL, retry_at = now(),
    requeues = 0, worker_deaths = greatest(worker_deaths - 1, 0),
    look_at = now() + interval '10 minutes',
    target = CASE WHEN %(by_hand)s AND jsonb_exists(target, 'push_id')
        THEN target || '{"rerun": true}' ELSE target END
WHERE id = %(id)s AND (status = 'failed' OR
    NOT %(failed_only)s AND status IN ('succeeded', 'skipped'))"""

_DEFER: Final[LiteralString] = """
UPDATE scans SET look_at = greatest(look_at, now() + %(delay)s + interval '10 minutes')
WHERE id = %(id)s AND status = 'queued'"""

# The lease too: a worker of the previous release renews it and not `look_at`. SKIP LOCKED gives
# each scan to one of the workers that look at the same moment.
_TAKE_OVERDUE: Final[LiteralString] = f"""
WITH overdue AS (
    SELECT id FROM scans WHERE status IN ('queued', 'running') AND look_at < now()
        AND (lease_until IS NULL OR lease_until < now())
    ORDER BY look_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
UPDATE scans SET requeues = scans.requeues + 1,
    look_at = now() + least(interval '2 minutes' * 2 ^ scans.requeues, interval '6 hours')
FROM overdue, repositories
WHERE scans.id = overdue.id AND repositories.id = scans.repository_id
RETURNING scans.requeues, scans.retry_at, {_COLUMNS}"""  # noqa: S608 (literals only, and the type says so)

_FROM: Final[LiteralString] = f"""
SELECT {_COLUMNS} FROM scans JOIN repositories ON repositories.id = scans.repository_id
"""  # noqa: S608 (literals only, and the type says so)

_FIND_FAILED: Final[LiteralString] = (
    _FROM
    + """WHERE scans.status = 'failed'
    AND (%(full_name)s::text IS NULL OR lower(repositories.full_name) = lower(%(full_name)s))
    AND (%(since)s::timestamptz IS NULL OR scans.finished_at >= %(since)s)
ORDER BY scans.finished_at, scans.id LIMIT %(limit)s"""
)

_FIND_OF_COMMIT: Final[LiteralString] = (
    _FROM
    + """WHERE scans.repository_id = %(repository_id)s AND scans.commit_sha = %(sha)s
ORDER BY scans.created_at DESC, scans.id DESC LIMIT 100"""
)


class PostgresScanRecovery:
    """Implements scans.ports.ScanRecovery."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reopen(self, scan_id: str, *, failed_only: bool = True, by_hand: bool = True) -> bool:
        """Queue a scan that has ended."""
        values = {"id": as_uuid(scan_id), "failed_only": failed_only, "by_hand": by_hand}
        async with self._database.transaction() as connection:
            return (await connection.execute(_REOPEN, values)).rowcount == 1

    async def defer(self, scan_id: str, delay: timedelta) -> None:
        """Move the look."""
        async with self._database.transaction() as connection:
            await connection.execute(_DEFER, {"id": as_uuid(scan_id), "delay": delay})

    async def take_overdue(self, limit: int) -> Sequence[OverdueScan]:
        """Take them, and count it."""
        rows = await self._fetch(_TAKE_OVERDUE, {"limit": limit})
        return [
            OverdueScan(
                id=str(row["id"]),
                target=_target(row),
                requeues=row["requeues"],
                retry_at=row["retry_at"],
            )
            for row in rows
        ]

    async def find_failed(
        self, full_name: str | None, since: datetime | None, limit: int
    ) -> Mapping[str, ScanTarget]:
        """Find them, by id."""
        values = {"full_name": full_name, "since": since, "limit": limit}
        rows = await self._fetch(_FIND_FAILED, values)
        return {str(row["id"]): _target(row) for row in rows}

    async def find_target(self, scan_id: str) -> ScanTarget | None:
        """Find one."""
        rows = await self._fetch(_FROM + "WHERE scans.id = %(id)s", {"id": as_uuid(scan_id)})
        return _target(rows[0]) if rows else None

    async def find_of_commit(self, repository_id: str, commit_sha: str) -> Sequence[ScanTarget]:
        """Find the newest of each branch or pull request."""
        values = {"repository_id": as_uuid(repository_id), "sha": commit_sha}
        rows = await self._fetch(_FIND_OF_COMMIT, values)
        newest: dict[object, ScanTarget] = {}
        for target in map(_target, rows):
            newest.setdefault(target.pull_request, target)
        return list(newest.values())

    async def _fetch(self, query: LiteralString, values: Mapping[str, Any]) -> list[DictRow]:
        async with self._database.transaction() as connection:
            return await (await connection.execute(query, values)).fetchall()


def _target(row: DictRow) -> ScanTarget:
    """Return what a scan is about, under the name that its repository has today."""
    if row["target"] is not None:
        target = decode_target(row["target"])
        return target.of_known(row["repository"], row["installation_id"])
    # A row of before the target was recorded: its key says the same, but for two options.
    kind, _, rest = row["dedupe_key"].partition(":")
    target = ScanTarget(
        repository=row["repository"],
        trigger=Trigger(row["trigger"]),
        installation_id=row["installation_id"],
        ref=row["ref"],
        commit_sha=row["commit_sha"],
    )
    if kind == "api":
        return replace(target, scan_id=rest)
    if kind == "pull_request":
        number, base_sha, _ = rest.split(":")
        return replace(target, pull_request=int(number), base_sha=base_sha)
    return target
