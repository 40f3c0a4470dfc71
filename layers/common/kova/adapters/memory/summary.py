"""Figures about errors, fixes and money, from the rows in memory."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from kova.adapters.memory.database import ErrorRow, MemoryDatabase
from kova.errors.error import ErrorStatus
from kova.scans.summary import LAST_FIXED, DayCount, ErrorSummary
from kova.shared.reach import Reach
from kova.shared.severity import Severity


class MemorySummaryStore:
    """Implements scans.ports.SummaryStore."""

    def __init__(self, database: MemoryDatabase, spent: Callable[[str, date], Decimal]) -> None:
        """`spent` returns what a scope (`all`, `repository:<id>`) has cost in a month."""
        self._database = database
        self._spent = spent

    async def summary(self, reach: Reach, *, since: date, until: date) -> ErrorSummary:
        """Sum up some repositories."""
        self._database.check()
        ids = {
            row.id for row in self._database.repositories.values() if reach.covers(row.full_name)
        }
        errors = [row for row in self._database.errors.values() if row.repository_id in ids]
        opened = Counter(_day(row.first_seen_at) for row in errors)
        fixed = Counter(_day(row.fixed_at) for row in errors if row.fixed_at is not None)
        counts = Counter(
            row.finding.severity.value for row in errors if row.status is ErrorStatus.OPEN
        )
        days = [since + timedelta(days=index) for index in range((until - since).days + 1)]
        error_ids = {row.id for row in errors}
        scopes = ["all"] if reach.names is None else [f"repository:{key}" for key in ids]
        return ErrorSummary(
            open_errors={severity.value: counts[severity.value] for severity in Severity},
            days=tuple(DayCount(day=day, opened=opened[day], fixed=fixed[day]) for day in days),
            fixes={
                status.value: number
                for status, number in self._database.count_fixes(
                    fix
                    for fix in self._database.fixes.values()
                    if fix.error_id in error_ids and _day(fix.created_at) >= since
                ).items()
            },
            seconds_to_fix=_median(errors),
            spent_usd=sum((self._spent(scope, until) for scope in scopes), Decimal(0)),
        )


def _median(errors: list[ErrorRow]) -> float | None:
    ends = sorted(
        ((row.fixed_at, row.first_seen_at) for row in errors if row.fixed_at is not None),
        reverse=True,
    )
    if not ends:
        return None
    return statistics.median(
        (fixed_at - first_seen_at).total_seconds() for fixed_at, first_seen_at in ends[:LAST_FIXED]
    )


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()
