"""Figures about errors, fixes and money from Postgres, each by an index or a kept count."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, LiteralString

from kova.adapters.postgres.pool import Database
from kova.scans.summary import LAST_FIXED, DayCount, ErrorSummary
from kova.shared.severity import Severity

if TYPE_CHECKING:
    from kova.shared.reach import Reach

# By id, so that the index of a repository serves; NULL stands for every repository.
_IDS: Final[LiteralString] = """
WITH reached AS (
    SELECT CASE WHEN %(names)s::text[] IS NULL THEN NULL ELSE array(
        SELECT id FROM repositories WHERE lower(full_name) = ANY(%(names)s)
    ) END AS ids
)"""
_SUMMARY: Final[LiteralString] = """
SELECT
    (SELECT jsonb_object_agg(severity, number) FROM (
        SELECT severity, sum(number) AS number FROM open_errors
        WHERE {open_errors} GROUP BY severity
    ) AS counted) AS open_errors,
    (SELECT jsonb_object_agg(day, number) FROM (
        SELECT (first_seen_at AT TIME ZONE 'UTC')::date AS day, count(*) AS number FROM errors
        WHERE first_seen_at >= %(since)s AND {errors} GROUP BY day
    ) AS counted) AS opened,
    (SELECT jsonb_object_agg(day, number) FROM (
        SELECT (fixed_at AT TIME ZONE 'UTC')::date AS day, count(*) AS number FROM errors
        WHERE status = 'fixed' AND fixed_at >= %(since)s AND {errors} GROUP BY day
    ) AS counted) AS fixed,
    (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FROM (
        SELECT extract(epoch FROM fixed_at - first_seen_at) AS seconds FROM errors
        WHERE status = 'fixed' AND {errors} ORDER BY fixed_at DESC LIMIT %(last_fixed)s
    ) AS latest) AS seconds_to_fix,
    (SELECT jsonb_object_agg(status, number) FROM (
        SELECT outcomes.status, sum(outcomes.number) AS number FROM auto_fixes
        CROSS JOIN LATERAL (
            VALUES (auto_fixes.status, 1), ('merged', nullif(auto_fixes.merges, 0))
        ) AS outcomes (status, number) {join}
        WHERE auto_fixes.created_at >= %(since)s AND {errors} AND outcomes.number IS NOT NULL
        GROUP BY outcomes.status
    ) AS counted) AS fixes,
    (SELECT sum(spent_usd) FROM ai_spending
        WHERE month = %(month)s AND scope = ANY({scopes})) AS spent_usd"""
_ALL: Final[LiteralString] = _SUMMARY.format(
    open_errors="true", errors="true", join="", scopes="ARRAY['all']"
)
_SOME: Final[LiteralString] = _IDS + _SUMMARY.format(
    open_errors="repository_id = ANY((SELECT ids FROM reached)::uuid[])",
    errors="errors.repository_id = ANY((SELECT ids FROM reached)::uuid[])",
    join="JOIN errors ON errors.id = auto_fixes.error_id",
    scopes="(SELECT array(SELECT 'repository:' || id FROM unnest(ids) AS id) FROM reached)::text[]",
)


class PostgresSummaryStore:
    """Implements scans.ports.SummaryStore: one statement, whatever is asked."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def summary(self, reach: Reach, *, since: date, until: date) -> ErrorSummary:
        """Sum up some repositories."""
        values = {
            "since": since,
            "month": until.replace(day=1),
            "last_fixed": LAST_FIXED,
        }
        query = _ALL
        if reach.names is not None:
            query, values = _SOME, {**values, "names": sorted(reach.names)}
        async with self._database.reading() as connection:
            row = await (await connection.execute(query, values)).fetchone()
        assert row is not None
        return read_summary(row, since, until)


def read_summary(row: Mapping[str, Any], since: date, until: date) -> ErrorSummary:
    """Return the summary of a row of counts, every day of the period among them."""
    open_errors, opened, fixed = (row[name] or {} for name in ("open_errors", "opened", "fixed"))
    days = [since + timedelta(days=index) for index in range((until - since).days + 1)]
    seconds = row["seconds_to_fix"]
    return ErrorSummary(
        open_errors={severity.value: int(open_errors.get(severity, 0)) for severity in Severity},
        days=tuple(
            DayCount(
                day=day,
                opened=opened.get(day.isoformat(), 0),
                fixed=fixed.get(day.isoformat(), 0),
            )
            for day in days
        ),
        fixes=row["fixes"] or {},
        seconds_to_fix=None if seconds is None else float(seconds),
        spent_usd=row["spent_usd"] or Decimal(0),
    )
