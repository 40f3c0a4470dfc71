"""Errors and their life in Postgres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, LiteralString

from psycopg.rows import DictRow

from kova.adapters.postgres.audit import record_event
from kova.adapters.postgres.error_columns import SHOWN, read_finding
from kova.adapters.postgres.pool import Database
from kova.adapters.postgres.rows import (
    REACHED,
    as_uuid,
    clean_values,
    fetch_page,
    reach_values,
)
from kova.analysis.finding import Finding
from kova.errors.error import (
    ErrorRecord,
    ErrorStatus,
    FindingStatus,
    FixReference,
    IgnoreDecision,
    IgnoredTogether,
    LifecycleChange,
    RefusedIgnore,
    RuleCount,
)
from kova.errors.ports import AppliedState, ErrorFilter
from kova.shared.audit import Action, AuditEvent
from kova.shared.page import Page, PageRequest
from kova.shared.reach import EVERYTHING, Reach

if TYPE_CHECKING:
    from kova.analysis.analysis import Analysis
    from kova.errors.lifecycle import History
    from kova.shared.claimed_scan import ClaimedScan

_SELECT: Final[LiteralString] = (
    f"SELECT errors.id, errors.fingerprint, {SHOWN}, errors.status,"  # noqa: S608 (literals only, and the type says so)
    """ errors.first_seen_at, errors.last_seen_at, errors.fixed_at, errors.introduced_in,
    errors.ignore_reason, errors.ignored_by, errors.ignored_until,
    repositories.full_name AS repository, auto_fixes.id AS fix_id,
    auto_fixes.status AS fix_status, auto_fixes.pull_request_url
FROM errors JOIN repositories ON repositories.id = errors.repository_id
LEFT JOIN auto_fixes ON auto_fixes.error_id = errors.id"""
)


# A first scan may bring a hundred thousand errors.
_APPLY_SECONDS: Final = 300.0

_REACHED: Final[LiteralString] = """(%(reach)s::text[] IS NULL OR errors.repository_id IN (
    SELECT id FROM repositories WHERE lower(full_name) = ANY(%(reach)s)))"""
_IN_REACH: Final[LiteralString] = f"""
    AND {_REACHED}
RETURNING errors.repository_id"""

_SET_IGNORED: Final[LiteralString] = """
UPDATE errors SET status = 'ignored', fixed_at = NULL, ignore_reason = %(reason)s,
    ignored_until = %(until)s, ignored_by = %(by)s
WHERE status <> 'fixed' AND (status, ignore_reason, ignored_until, ignored_by)
    IS DISTINCT FROM ('ignored', %(reason)s, %(until)s::timestamptz, %(by)s)"""

_IGNORE: Final[LiteralString] = _SET_IGNORED + " AND id = %(id)s" + _IN_REACH

# In the order of their ids, so that two who ignore the same errors wait for each other.
_LOCK: Final[LiteralString] = "SELECT FROM errors WHERE id = ANY(%(ids)s) ORDER BY id FOR UPDATE"

_IGNORE_TOGETHER: Final[LiteralString] = _SET_IGNORED + " AND id = ANY(%(ids)s) RETURNING id"

_OPEN: Final[LiteralString] = (
    """
UPDATE errors SET status = 'open', ignore_reason = NULL, ignored_until = NULL, ignored_by = NULL
WHERE id = %(id)s AND status = 'ignored'"""
    + _IN_REACH
)

_EXPIRE: Final[LiteralString] = """
UPDATE errors SET status = 'open', ignore_reason = NULL, ignored_until = NULL, ignored_by = NULL
WHERE status = 'ignored' AND ignored_until <= now()"""


_RULES: Final[LiteralString] = """
SELECT analyzer, rule_id, count(*) FILTER (WHERE status = 'open') AS open
FROM errors
WHERE status <> 'fixed' AND repository_id = (
    SELECT id FROM repositories WHERE lower(full_name) = lower(%(repository)s))
GROUP BY analyzer, rule_id
ORDER BY open DESC, analyzer, rule_id
LIMIT 1000"""


class PostgresErrorStore:
    """Implements errors.ports.ErrorStore.

    What only scans need is imported by the methods that scans call: the functions of people, who
    read errors and ignore them, start sooner.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def state(self, repository_id: str) -> AppliedState | None:
        """The last scan that was applied."""
        from kova.adapters.postgres.lifecycle import read_state

        async with self._database.transaction() as connection:
            return await read_state(connection, repository_id)

    async def has_opened(self, scan_id: str) -> bool:
        """Look for one."""
        query: LiteralString = """SELECT FROM errors
            WHERE opened_scan = %(id)s OR reopened_scan = %(id)s LIMIT 1"""
        async with self._database.transaction() as connection:
            cursor = await connection.execute(query, {"id": as_uuid(scan_id)})
            return cursor.rowcount == 1

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
        *,
        generation: int | None = None,
    ) -> LifecycleChange:
        """Open, refresh and close in one transaction."""
        from kova.adapters.postgres.lifecycle import ApplyAnalysis

        async with self._database.transaction(seconds=_APPLY_SECONDS) as connection:
            application = ApplyAnalysis(connection, claim, commit_sha, analysis, history)
            return await application.apply(generation)

    async def finding_status(
        self, repository_id: str, commit_sha: str, analysis: Analysis
    ) -> FindingStatus:
        """Return what an analysis would introduce; nothing is written."""
        from kova.adapters.postgres.recognition import Recognition
        from kova.errors import lifecycle

        history = lifecycle.History()
        async with self._database.transaction(seconds=_APPLY_SECONDS) as connection:
            recognition = Recognition(connection, repository_id, commit_sha, analysis, history)
            matches = await recognition.recognise()
        return lifecycle.finding_status(matches, history, reopens=False)

    async def get(self, error_id: str, reach: Reach) -> ErrorRecord | None:
        """Find one."""
        query: LiteralString = _SELECT + " WHERE errors.id = %(id)s AND " + REACHED
        values = {"id": as_uuid(error_id), **reach_values(reach)}
        async with self._database.transaction() as connection:
            row = await (await connection.execute(query, values)).fetchone()
        return _record(row) if row else None

    async def page(
        self, request: PageRequest, filters: ErrorFilter, reach: Reach
    ) -> Page[ErrorRecord]:
        """List, newest first."""
        if filters.repository is not None:
            if not reach.covers(filters.repository):
                return Page(items=(), next=None)
            reach = EVERYTHING  # The filter is narrower.
        async with self._database.reading() as connection:
            return await fetch_page(
                connection,
                select=_SELECT,
                table="errors",
                ordered_by="first_seen_at",
                where=_conditions(filters),
                values=asdict(filters),
                request=request,
                make=_record,
                reach=reach,
            )

    async def count(self, filters: ErrorFilter, reach: Reach, limit: int) -> int:
        """Count up to a limit, so that no more rows are read."""
        where: LiteralString = " AND ".join([*_conditions(filters), _REACHED])
        query: LiteralString = f"""SELECT count(*) AS number FROM (
            SELECT 1 FROM errors WHERE {where} LIMIT %(limit)s) AS matching"""  # noqa: S608 (literals only, and the type says so)
        values = {**clean_values(asdict(filters)), **reach_values(reach), "limit": limit}
        async with self._database.reading() as connection:
            row = await (await connection.execute(query, values)).fetchone()
        return int(row["number"]) if row else 0

    async def rules(self, repository: str) -> list[RuleCount]:
        """Count by rule; of a thousand and more rules those with most open errors."""
        async with self._database.reading() as connection:
            cursor = await connection.execute(_RULES, clean_values({"repository": repository}))
            return [RuleCount(**row) async for row in cursor]

    async def ignore(
        self, error_id: str, ignored: IgnoreDecision, reach: Reach
    ) -> ErrorRecord | None:
        """Ignore an error, whatever it was."""
        event = _ignored_event(error_id, ignored)
        return await self._change(error_id, _IGNORE, _decision_values(ignored), event, reach)

    async def ignore_together(
        self, error_ids: Sequence[str], ignored: IgnoreDecision, reach: Reach
    ) -> IgnoredTogether:
        """Ignore all of them, or none."""
        ids = {error_id: as_uuid(error_id) for error_id in error_ids}
        values = {"ids": [number for number in ids.values() if number], **reach_values(reach)}
        query: LiteralString = _SELECT + " WHERE errors.id = ANY(%(ids)s) AND " + REACHED
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK, values)
            rows = await (await connection.execute(query, values)).fetchall()
            records = {row["id"]: _record(row) for row in rows}
            refused = tuple(
                RefusedIgnore(error_id=error_id, error=records.get(number))
                for error_id, number in ids.items()
                if number not in records or records[number].status is ErrorStatus.FIXED
            )
            if refused:
                return IgnoredTogether(refused=refused)
            values |= clean_values(_decision_values(ignored))
            changed = await (await connection.execute(_IGNORE_TOGETHER, values)).fetchall()
            for row in changed:
                await record_event(connection, _ignored_event(str(row["id"]), ignored))
            rows = await (await connection.execute(query, values)).fetchall()
        records = {row["id"]: _record(row) for row in rows}
        return IgnoredTogether(errors=tuple(records[number] for number in ids.values()))

    async def open(self, error_id: str, actor: str, reach: Reach) -> ErrorRecord | None:
        """Open an error that was ignored."""
        event = AuditEvent(actor=actor, action=Action.ERROR_OPENED, target=error_id)
        return await self._change(error_id, _OPEN, {}, event, reach)

    async def expire(self) -> int:
        """Open the errors whose time of being ignored is over; return how many."""
        async with self._database.transaction() as connection:
            return (await connection.execute(_EXPIRE)).rowcount

    async def _change(
        self,
        error_id: str,
        query: LiteralString,
        values: dict[str, Any],
        event: AuditEvent,
        reach: Reach,
    ) -> ErrorRecord | None:
        values = clean_values({**values, "id": as_uuid(error_id), **reach_values(reach)})
        async with self._database.transaction() as connection:
            if (await connection.execute(query, values)).rowcount:
                await record_event(connection, event)
        return await self.get(error_id, reach)

    async def of_scan(self, scan_id: str, limit: int, reach: Reach) -> list[Finding]:
        """The open findings of the scan's repository, the most severe first."""
        query: LiteralString = _SELECT + _OF_SCAN
        values = {"id": as_uuid(scan_id), "limit": limit, **reach_values(reach)}
        async with self._database.transaction() as connection:
            rows = await (await connection.execute(query, values)).fetchall()
        return [_record(row).finding for row in rows]


def _decision_values(ignored: IgnoreDecision) -> dict[str, Any]:
    return {"reason": ignored.reason, "until": ignored.until, "by": ignored.by}


def _ignored_event(error_id: str, ignored: IgnoreDecision) -> AuditEvent:
    until = ignored.until.isoformat() if ignored.until else None
    return AuditEvent(
        actor=ignored.by,
        action=Action.ERROR_IGNORED,
        target=error_id,
        detail={"reason": ignored.reason, "until": until},
    )


_OF_SCAN: Final[LiteralString] = """
WHERE errors.status = 'open'
    AND errors.repository_id = (SELECT repository_id FROM scans WHERE id = %(id)s)
    AND (%(reach)s::text[] IS NULL OR lower(repositories.full_name) = ANY(%(reach)s))
ORDER BY array_position(ARRAY['critical', 'high', 'medium', 'low'], errors.severity), errors.path,
    errors.start_line, errors.id
LIMIT %(limit)s"""
_CONDITIONS: Final[dict[str, LiteralString]] = {
    # By id: the join alone would hide the repository's index from the planner.
    "repository": """errors.repository_id = (
        SELECT id FROM repositories WHERE lower(full_name) = lower(%(repository)s))""",
    "status": "errors.status = %(status)s",
    "severity": "errors.severity = %(severity)s",
    "analyzer": "errors.analyzer = %(analyzer)s",
    "rule": "errors.rule_id = %(rule)s",
    "path": "hashtextextended(errors.path, 0) = hashtextextended(%(path)s, 0)"
    " AND errors.path = %(path)s",
}


def _conditions(filters: ErrorFilter) -> list[LiteralString]:
    return [_CONDITIONS[key] for key, value in asdict(filters).items() if value is not None]


def _record(row: DictRow) -> ErrorRecord:
    fix = None
    if row["fix_id"]:
        fix = FixReference(
            id=str(row["fix_id"]),
            status=row["fix_status"],
            pull_request_url=row["pull_request_url"],
        )
    ignored = None
    if row["status"] == ErrorStatus.IGNORED:
        ignored = IgnoreDecision(
            reason=row["ignore_reason"] or "",
            by=row["ignored_by"] or "",
            until=row["ignored_until"],
        )
    return ErrorRecord(
        id=str(row["id"]),
        repository=row["repository"],
        finding=read_finding(row),
        status=ErrorStatus(row["status"]),
        first_seen_at=row["first_seen_at"],
        last_seen_at=row["last_seen_at"],
        fixed_at=row["fixed_at"],
        introduced_in=row["introduced_in"],
        fix=fix,
        ignored=ignored,
    )
