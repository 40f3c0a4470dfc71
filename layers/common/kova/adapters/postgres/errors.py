"""Errors and their life in Postgres."""

from __future__ import annotations

from typing import Final, LiteralString

from psycopg.rows import DictRow

from kova.adapters.postgres.lifecycle import ApplyAnalysis, read_state
from kova.adapters.postgres.pool import Database
from kova.adapters.postgres.rows import as_uuid, fetch_page
from kova.domain.error import ErrorRecord, ErrorStatus, FixReference, LifecycleChange
from kova.domain.finding import Category, Confidence, Finding, Severity, Span, Tier
from kova.domain.lifecycle import History
from kova.domain.page import Page, PageRequest
from kova.domain.sarif import MOST_RESULTS
from kova.domain.scan import Analysis, ClaimedScan
from kova.ports.stores import AppliedState, ErrorFilter

_SELECT: Final[LiteralString] = """
SELECT errors.*, repositories.full_name AS repository, auto_fixes.id AS fix_id,
    auto_fixes.status AS fix_status, auto_fixes.pull_request_url
FROM errors JOIN repositories ON repositories.id = errors.repository_id
LEFT JOIN auto_fixes ON auto_fixes.error_id = errors.id"""


class PostgresErrorStore:
    """Implements ports.stores.ErrorStore."""

    def __init__(self, database: Database) -> None:
        """Take the database that it reads and writes."""
        self._database = database

    async def state(self, repository_id: str) -> AppliedState | None:
        """The last scan that was applied."""
        async with self._database.transaction() as connection:
            return await read_state(connection, repository_id)

    async def live_paths(self, repository_id: str) -> frozenset[str]:
        """The files that have open or ignored errors."""
        query: LiteralString = """SELECT DISTINCT path FROM errors
            WHERE repository_id = %(id)s AND status <> 'fixed'"""
        async with self._database.transaction() as connection:
            cursor = await connection.execute(query, {"id": as_uuid(repository_id)})
            return frozenset([row["path"] async for row in cursor])

    async def apply(
        self,
        claim: ClaimedScan,
        commit_sha: str,
        analysis: Analysis,
        history: History | None = None,
    ) -> LifecycleChange:
        """Open, refresh and close in one transaction."""
        async with self._database.transaction() as connection:
            return await ApplyAnalysis(
                connection, claim, commit_sha, analysis, history or History()
            ).run()

    async def get(self, error_id: str) -> ErrorRecord | None:
        """Find one."""
        query: LiteralString = _SELECT + " WHERE errors.id = %(id)s"
        async with self._database.transaction() as connection:
            row = await (await connection.execute(query, {"id": as_uuid(error_id)})).fetchone()
        return _record(row) if row else None

    async def page(self, request: PageRequest, filters: ErrorFilter) -> Page[ErrorRecord]:
        """List, newest first."""
        values = {
            "repository": filters.repository,
            "status": filters.status,
            "severity": filters.severity,
            "analyzer": filters.analyzer,
            "rule": filters.rule,
            "path": filters.path,
        }
        async with self._database.transaction() as connection:
            return await fetch_page(
                connection,
                select=_SELECT,
                table="errors",
                ordered_by="first_seen_at",
                where=[_CONDITIONS[key] for key, value in values.items() if value is not None],
                values=values,
                request=request,
                make=_record,
            )

    async def of_scan(self, scan_id: str, limit: int = MOST_RESULTS) -> list[Finding]:
        """The open findings of the scan's repository, the most severe first."""
        query: LiteralString = _SELECT + _OF_SCAN
        async with self._database.transaction() as connection:
            rows = await (
                await connection.execute(query, {"id": as_uuid(scan_id), "limit": limit})
            ).fetchall()
        return [_record(row).finding for row in rows]


_OF_SCAN: Final[LiteralString] = """
WHERE errors.status = 'open'
    AND errors.repository_id = (SELECT repository_id FROM scans WHERE id = %(id)s)
ORDER BY array_position(ARRAY['critical', 'high', 'medium', 'low'], errors.severity), errors.path,
    errors.start_line, errors.id
LIMIT %(limit)s"""
_CONDITIONS: Final[dict[str, LiteralString]] = {
    "repository": "lower(repositories.full_name) = lower(%(repository)s)",
    "status": "errors.status = %(status)s",
    "severity": "errors.severity = %(severity)s",
    "analyzer": "errors.analyzer = %(analyzer)s",
    "rule": "errors.rule_id = %(rule)s",
    "path": "errors.path = %(path)s",
}


def _record(row: DictRow) -> ErrorRecord:
    finding = Finding(
        analyzer=row["analyzer"],
        rule_id=row["rule_id"],
        severity=Severity(row["severity"]),
        tier=Tier(row["tier"]),
        confidence=Confidence(row["confidence"]),
        category=Category(row["category"]),
        message=row["message"],
        path=row["path"],
        scope=row["scope"],
        span=Span(
            start_line=row["start_line"],
            start_column=row["start_column"],
            end_line=row["end_line"],
            end_column=row["end_column"],
        ),
        snippet=row["snippet"],
        help_url=row["help_url"],
        cwe=row["cwe"],
        fingerprint=row["fingerprint"],
    )
    fix = None
    if row["fix_id"]:
        fix = FixReference(
            id=str(row["fix_id"]),
            status=row["fix_status"],
            pull_request_url=row["pull_request_url"],
        )
    return ErrorRecord(
        id=str(row["id"]),
        repository=row["repository"],
        finding=finding,
        status=ErrorStatus(row["status"]),
        first_seen_at=row["first_seen_at"],
        last_seen_at=row["last_seen_at"],
        fixed_at=row["fixed_at"],
        introduced_in=row["introduced_in"],
        fix=fix,
    )
