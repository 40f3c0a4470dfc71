"""The figures of a month, from the rows in memory."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal

from kova.adapters.memory.commands import MemoryCommandStore
from kova.adapters.memory.database import ErrorRow, MemoryDatabase
from kova.commands.command import Command
from kova.errors.error import ErrorStatus
from kova.fixes.fix import FixStatus
from kova.models.outcome import Outcome
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
from kova.shared.reach import Reach
from kova.shared.severity import Severity


class MemoryReportStore:
    """Implements reports.ports.ReportStore."""

    def __init__(self, database: MemoryDatabase, commands: MemoryCommandStore) -> None:
        self._database = database
        self._commands = commands

    async def month(self, first_day: date, reach: Reach) -> MonthReport:
        """Sum up a month."""
        self._database.check()
        names = {
            row.id: row.full_name
            for row in self._database.repositories.values()
            if reach.covers(row.full_name)
        }
        errors = [row for row in self._database.errors.values() if row.repository_id in names]
        begin = datetime(first_day.year, first_day.month, 1, tzinfo=UTC)
        span = (begin, month_after(begin))
        return MonthReport(
            month=f"{first_day:%Y-%m}",
            errors=_count_errors(errors, names, span),
            fixes=self._count_fixes(errors, names, span),
            fix_times=_measure(errors, span),
            models=_sum_models(self._commands.all(), names, span, reach),
            scans=self._count_scans(names, span),
        )

    def _count_fixes(
        self, errors: list[ErrorRow], names: dict[str, str], span: tuple[datetime, datetime]
    ) -> tuple[FixCounts, ...]:
        repositories = {row.id: names[row.repository_id] for row in errors}
        counts = defaultdict[str, Counter[FixStatus]](Counter)
        for fix in self._database.fixes.values():
            if fix.error_id in repositories and span[0] <= fix.created_at < span[1]:
                counts[repositories[fix.error_id]] += self._database.count_fixes([fix])
        return tuple(
            FixCounts(repository=name, by_status=dict(by_status))
            for name, by_status in sorted(counts.items(), key=_most_first)[:MOST_ROWS]
        )

    def _count_scans(
        self, names: dict[str, str], span: tuple[datetime, datetime]
    ) -> tuple[ScanCounts, ...]:
        counts = defaultdict[str, Counter[ScanStatus]](Counter)
        for row in self._database.scans.values():
            if row.repository_id in names and span[0] <= row.scan.created_at < span[1]:
                counts[names[row.repository_id]][row.scan.status] += 1
        return tuple(
            ScanCounts(repository=name, by_status=dict(by_status))
            for name, by_status in sorted(counts.items(), key=_most_first)[:MOST_ROWS]
        )


def _most_first(
    pair: tuple[str, Counter[FixStatus]] | tuple[str, Counter[ScanStatus]],
) -> tuple[int, str]:
    return -pair[1].total(), pair[0].lower()


def _count_errors(
    errors: list[ErrorRow], names: dict[str, str], span: tuple[datetime, datetime]
) -> tuple[ErrorCounts, ...]:
    begin, end = span
    counts = defaultdict[tuple[str, Severity], Counter[str]](Counter)
    totals = Counter[str]()
    for row in errors:
        was_fixed = row.fixed_at if row.status is ErrorStatus.FIXED else None
        is_open = row.status is ErrorStatus.OPEN or (was_fixed is not None and was_fixed >= end)
        name = names[row.repository_id]
        facts = Counter(
            open=int(is_open and row.first_seen_at < end),
            introduced=int(begin <= row.first_seen_at < end),
            fixed=int(was_fixed is not None and begin <= was_fixed < end),
        )
        counts[name, row.finding.severity] += facts
        totals[name] += facts.total()
    rows = [
        ErrorCounts(
            repository=name,
            severity=severity,
            open=facts["open"],
            introduced=facts["introduced"],
            fixed=facts["fixed"],
        )
        for (name, severity), facts in counts.items()
        if facts.total()
    ]
    rows.sort(key=lambda row: (-totals[row.repository], row.repository.lower(), row.severity.rank))
    return tuple(rows[:MOST_ROWS])


def _measure(errors: list[ErrorRow], span: tuple[datetime, datetime]) -> tuple[FixTime, ...]:
    seconds = defaultdict[Severity | None, list[float]](list)
    for row in errors:
        if row.fixed_at is not None and span[0] <= row.fixed_at < span[1]:
            for severity in (None, row.finding.severity):
                seconds[severity].append((row.fixed_at - row.first_seen_at).total_seconds())
    return tuple(
        FixTime(
            severity=severity,
            fixed=len(seconds[severity]),
            median=statistics.median(seconds[severity]),
            longest=max(seconds[severity]),
        )
        for severity in (None, *Severity)
        if severity in seconds
    )


def _sum_models(
    commands: Iterable[Command],
    names: dict[str, str],
    span: tuple[datetime, datetime],
    reach: Reach,
) -> tuple[ModelCosts, ...]:
    by_name = {name.lower(): name for name in names.values()}
    groups = defaultdict[tuple[str | None, str | None, str | None], list[Command]](list)
    for command in commands:
        repository = by_name.get((command.request.repository or "").lower())
        if span[0] <= command.created_at < span[1] and (repository or reach.is_everything):
            provider = command.provider.value if command.provider else None
            groups[repository, provider, command.model].append(command)
    rows = [
        ModelCosts(
            repository=repository,
            provider=provider,
            model=model,
            commands=len(asked),
            failed=sum(
                command.outcome.is_final and command.outcome is not Outcome.OK for command in asked
            ),
            input_tokens=sum(command.usage.input_tokens for command in asked),
            output_tokens=sum(command.usage.output_tokens for command in asked),
            cost_usd=sum((command.cost_usd for command in asked), Decimal(0)),
        )
        for (repository, provider, model), asked in groups.items()
    ]
    rows.sort(key=_dearest_first)
    return tuple(rows[:MOST_ROWS])


def _dearest_first(row: ModelCosts) -> tuple[Decimal, bool, str, bool, str, bool, str]:
    """The dearest first; then by name, those without one last."""
    names = (row.repository and row.repository.lower(), row.provider, row.model)
    (repository, provider, model) = names
    return (
        *(-row.cost_usd, repository is None, repository or ""),
        *(provider is None, provider or "", model is None, model or ""),
    )
