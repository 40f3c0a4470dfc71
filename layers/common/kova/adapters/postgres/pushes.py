"""Pushes in Postgres: each move of a branch, or of a pull request's head, once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, LiteralString

from psycopg.rows import DictRow

from kova.adapters.postgres.pool import Database
from kova.adapters.postgres.rows import as_uuid, clean_values
from kova.scans.branch_head import Push
from kova.scans.scan import ScanStatus, ScanTarget

_RECORD: Final[LiteralString] = """
INSERT INTO pushes (repository_id, dedupe_key, ref, before_sha, after_sha, forced, pushed_at,
    delivery, scan_id)
VALUES (%(repository_id)s, %(key)s, %(ref)s, %(before)s, %(after)s, %(forced)s, %(pushed_at)s,
    %(delivery)s, %(scan_id)s)
ON CONFLICT (repository_id, dedupe_key) DO NOTHING"""

_LIST: Final[LiteralString] = """
SELECT pushes.*, scans.status AS scan_status
FROM pushes LEFT JOIN scans ON scans.id = pushes.scan_id
WHERE pushes.repository_id = %(repository_id)s AND pushes.ref = %(ref)s
ORDER BY pushes.received_at DESC LIMIT 100"""


class PostgresPushStore:
    """Implements scans.ports.PushStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, target: ScanTarget, repository_id: str, scan_id: str) -> None:
        """Record it, once."""
        if target.push_key is None:
            return
        second = target.pushed_at
        values = {
            "repository_id": as_uuid(repository_id),
            "key": target.push_key,
            "ref": target.ref,
            "before": target.before,
            "after": target.commit_sha,
            "forced": target.forced,
            "pushed_at": None if second is None else datetime.fromtimestamp(second, UTC),
            "delivery": target.delivery,
            "scan_id": as_uuid(scan_id),
        }
        async with self._database.transaction() as connection:
            await connection.execute(_RECORD, clean_values(values))

    async def list(self, repository_id: str, ref: str) -> Sequence[Push]:
        """List the last hundred."""
        values = {"repository_id": as_uuid(repository_id), "ref": ref}
        async with self._database.transaction() as connection:
            cursor = await connection.execute(_LIST, clean_values(values))
            return [_push(row) async for row in cursor]


def _push(row: DictRow) -> Push:
    return Push(
        before=row["before_sha"],
        after=row["after_sha"],
        forced=row["forced"],
        pushed_at=row["pushed_at"],
        received_at=row["received_at"],
        scan_id=str(row["scan_id"]) if row["scan_id"] else None,
        scan_status=ScanStatus(row["scan_status"]) if row["scan_status"] else None,
    )
