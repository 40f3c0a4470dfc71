"""The figures of a month from Postgres, one statement a part."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final, LiteralString

from psycopg.rows import DictRow

from kova.adapters.postgres.pool import Connection, Database
from kova.fixes.fix import FixStatus
from kova.reports.month_report import (
    MOST_ROWS,
    ErrorCounts,
    FixCounts,
    FixTime,
    ModelCosts,
    MonthReport,
    ScanCounts,
    month_after,
)
from kova.scans.scan import ScanStatus
from kova.shared.severity import Severity

if TYPE_CHECKING:
    from kova.shared.reach import Reach

# Every statement is limited to the repositories of `ids`, null for all of them, by the index of a
# repository, and to what is not before `begin` and before `end`.
_IDS: Final[LiteralString] = "SELECT id FROM repositories WHERE lower(full_name) = ANY(%(names)s)"
# What is open at the month's end follows from what is open now, which triggers count: less what
# came since, and what was fixed since. Ignored errors are in neither.
_ERRORS: Final[LiteralString] = """
WITH changes AS (
    SELECT repository_id, severity, number AS open, 0 AS introduced, 0 AS fixed FROM open_errors
    WHERE (%(ids)s::uuid[] IS NULL OR open_errors.repository_id = ANY(%(ids)s))
    UNION ALL
    SELECT repository_id, severity, -count(*), 0, 0 FROM errors
    WHERE status = 'open' AND first_seen_at >= %(end)s
        AND (%(ids)s::uuid[] IS NULL OR errors.repository_id = ANY(%(ids)s))
    GROUP BY repository_id, severity
    UNION ALL
    SELECT repository_id, severity, count(*), 0, 0 FROM errors
    WHERE status = 'fixed' AND fixed_at >= %(end)s AND first_seen_at < %(end)s
        AND (%(ids)s::uuid[] IS NULL OR errors.repository_id = ANY(%(ids)s))
    GROUP BY repository_id, severity
    UNION ALL
    SELECT repository_id, severity, 0, count(*), 0 FROM errors
    WHERE first_seen_at >= %(begin)s AND first_seen_at < %(end)s
        AND (%(ids)s::uuid[] IS NULL OR errors.repository_id = ANY(%(ids)s))
    GROUP BY repository_id, severity
    UNION ALL
    SELECT repository_id, severity, 0, 0, count(*) FROM errors
    WHERE status = 'fixed' AND fixed_at >= %(begin)s AND fixed_at < %(end)s
        AND (%(ids)s::uuid[] IS NULL OR errors.repository_id = ANY(%(ids)s))
    GROUP BY repository_id, severity
), sums AS (
    SELECT repositories.full_name AS repository, severity, sum(open)::bigint AS open,
        sum(introduced)::bigint AS introduced, sum(fixed)::bigint AS fixed
    FROM changes JOIN repositories ON repositories.id = changes.repository_id
    GROUP BY repositories.full_name, severity
    HAVING sum(open) <> 0 OR sum(introduced) <> 0 OR sum(fixed) <> 0
)
SELECT * FROM sums
ORDER BY sum(open + introduced + fixed) OVER (PARTITION BY repository) DESC, lower(repository),
    array_position(ARRAY['critical', 'high', 'medium', 'low'], severity)
LIMIT %(limit)s"""
_FIXES: Final[LiteralString] = """
SELECT full_name AS repository, jsonb_object_agg(status, number) AS by_status FROM (
    SELECT repositories.full_name, outcomes.status, sum(outcomes.number)::bigint AS number
    FROM auto_fixes CROSS JOIN LATERAL (
        VALUES (auto_fixes.status, 1), ('merged', nullif(auto_fixes.merges, 0))
    ) AS outcomes (status, number)
    JOIN errors ON errors.id = auto_fixes.error_id
    JOIN repositories ON repositories.id = errors.repository_id
    WHERE auto_fixes.created_at >= %(begin)s AND auto_fixes.created_at < %(end)s
        AND (%(ids)s::uuid[] IS NULL OR errors.repository_id = ANY(%(ids)s))
        AND outcomes.number IS NOT NULL
    GROUP BY repositories.full_name, outcomes.status
) AS counted
GROUP BY full_name ORDER BY sum(number) DESC, lower(full_name) LIMIT %(limit)s"""
_TIMES: Final[LiteralString] = """
SELECT severity, count(*) AS fixed, percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS median,
    max(seconds)::float8 AS longest
FROM (
    SELECT severity, extract(epoch FROM fixed_at - first_seen_at)::float8 AS seconds FROM errors
    WHERE status = 'fixed' AND fixed_at >= %(begin)s AND fixed_at < %(end)s
        AND (%(ids)s::uuid[] IS NULL OR errors.repository_id = ANY(%(ids)s))
) AS fixed_errors
GROUP BY GROUPING SETS ((), (severity)) HAVING count(*) > 0
ORDER BY array_position(ARRAY['critical', 'high', 'medium', 'low'], severity) NULLS FIRST"""
_MODELS: Final[LiteralString] = """
SELECT repositories.full_name AS repository, provider, model, count(*) AS commands,
    count(*) FILTER (WHERE outcome NOT IN ('ok', 'queued', 'running')) AS failed,
    sum(input_tokens)::bigint AS input_tokens, sum(output_tokens)::bigint AS output_tokens,
    sum(cost_usd) AS cost_usd
FROM ai_commands LEFT JOIN repositories ON repositories.id = ai_commands.repository_id
WHERE ai_commands.created_at >= %(begin)s AND ai_commands.created_at < %(end)s
    AND (%(ids)s::uuid[] IS NULL OR ai_commands.repository_id = ANY(%(ids)s))
GROUP BY repositories.full_name, provider, model
ORDER BY sum(cost_usd) DESC, lower(repositories.full_name), provider, model LIMIT %(limit)s"""
_SCANS: Final[LiteralString] = """
SELECT full_name AS repository, jsonb_object_agg(status, number) AS by_status FROM (
    SELECT repositories.full_name, scans.status, count(*) AS number FROM scans
    JOIN repositories ON repositories.id = scans.repository_id
    WHERE scans.created_at >= %(begin)s AND scans.created_at < %(end)s
        AND (%(ids)s::uuid[] IS NULL OR scans.repository_id = ANY(%(ids)s))
    GROUP BY repositories.full_name, scans.status
) AS counted
GROUP BY full_name ORDER BY sum(number) DESC, lower(full_name) LIMIT %(limit)s"""


class PostgresReportStore:
    """Implements reports.ports.ReportStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def month(self, first_day: date, reach: Reach) -> MonthReport:
        """Sum up a month."""
        begin = datetime(first_day.year, first_day.month, 1, tzinfo=UTC)
        values: dict[str, Any] = {
            "begin": begin,
            "end": month_after(begin),
            "ids": None,
            "limit": MOST_ROWS,
        }
        async with self._database.reading() as connection:
            if reach.names is not None:
                rows = await _fetch(connection, _IDS, {"names": sorted(reach.names)})
                values["ids"] = [row["id"] for row in rows]
            return MonthReport(
                month=f"{first_day:%Y-%m}",
                errors=tuple(
                    ErrorCounts(**{**row, "severity": Severity(row["severity"])})
                    for row in await _fetch(connection, _ERRORS, values)
                ),
                fixes=tuple(
                    FixCounts(repository=row["repository"], by_status=_by_fix_status(row))
                    for row in await _fetch(connection, _FIXES, values)
                ),
                fix_times=tuple(
                    FixTime(**{**row, "severity": row["severity"] and Severity(row["severity"])})
                    for row in await _fetch(connection, _TIMES, values)
                ),
                models=tuple(
                    ModelCosts(**row) for row in await _fetch(connection, _MODELS, values)
                ),
                scans=tuple(
                    ScanCounts(repository=row["repository"], by_status=_by_scan_status(row))
                    for row in await _fetch(connection, _SCANS, values)
                ),
            )


async def _fetch(
    connection: Connection, query: LiteralString, values: Mapping[str, Any]
) -> list[DictRow]:
    return await (await connection.execute(query, values)).fetchall()


def _by_fix_status(row: DictRow) -> dict[FixStatus, int]:
    return {FixStatus(status): number for status, number in row["by_status"].items()}


def _by_scan_status(row: DictRow) -> dict[ScanStatus, int]:
    return {ScanStatus(status): number for status, number in row["by_status"].items()}
