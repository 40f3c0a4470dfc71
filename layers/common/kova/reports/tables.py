"""Errors and reports as tables; the columns stand here once, for CSV, sheets and pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from kova.errors.error import ErrorRecord
from kova.fixes.fix import FixStatus
from kova.reports.month_report import (
    ErrorCounts,
    FixCounts,
    FixTime,
    ModelCosts,
    MonthReport,
    ScanCounts,
)
from kova.reports.table import Cell, Table, cell
from kova.scans.scan import ScanStatus

_HOUR: Final = 3_600
_REPOSITORY: Final = "Repository"
_NONE: Final = "none"
_ENDED: Final = (ScanStatus.SUCCEEDED, ScanStatus.FAILED, ScanStatus.SKIPPED)
_OFFERED: Final = frozenset({FixStatus.PUBLISHED, FixStatus.MERGED, FixStatus.CLOSED})
FIX_STAGES: Final[tuple[tuple[str, frozenset[FixStatus]], ...]] = (
    ("Proposed", frozenset(FixStatus)),
    ("Rejected", frozenset({FixStatus.REJECTED})),
    ("Verified", frozenset({FixStatus.VERIFIED, *_OFFERED})),
    ("Published", _OFFERED),
    ("Merged", frozenset({FixStatus.MERGED})),
    ("Closed", frozenset({FixStatus.CLOSED})),
)
"""How far a fix has come: who is merged was verified and published before."""
ERROR_COLUMNS: Final[tuple[tuple[str, Callable[[ErrorRecord], object]], ...]] = (
    ("Repository", lambda error: error.repository),
    ("Severity", lambda error: error.finding.severity.value),
    ("Status", lambda error: error.status.value),
    ("Analyser", lambda error: error.finding.analyzer),
    ("Rule", lambda error: error.finding.rule_id),
    ("Message", lambda error: error.finding.message),
    ("Path", lambda error: error.finding.path),
    ("Line", lambda error: error.finding.span.start_line),
    ("CWE", lambda error: error.finding.cwe),
    ("First seen (UTC)", lambda error: error.first_seen_at),
    ("Last seen (UTC)", lambda error: error.last_seen_at),
    ("Fixed (UTC)", lambda error: error.fixed_at),
    ("Introduced in", lambda error: error.introduced_in),
    ("Ignored by", lambda error: error.ignored.by if error.ignored else None),
    ("Reason", lambda error: error.ignored.reason if error.ignored else None),
    ("Fix", lambda error: error.fix.status if error.fix else None),
    ("Pull request", lambda error: error.fix.pull_request_url if error.fix else None),
    ("Id", lambda error: error.id),
)


def error_row(error: ErrorRecord) -> tuple[Cell, ...]:
    """Return an error's cells, in the order of ERROR_COLUMNS."""
    return tuple(cell(read(error)) for _, read in ERROR_COLUMNS)


def error_table(rows: Sequence[tuple[Cell, ...]]) -> Table:
    """Return the table of some errors' rows."""
    return Table(title="Errors", columns=tuple(name for name, _ in ERROR_COLUMNS), rows=tuple(rows))


def report_tables(report: MonthReport) -> tuple[Table, ...]:
    """Return the parts of a report, each a table; texts stand before figures in each row."""
    return (
        _errors(report.errors),
        _fixes(report.fixes),
        _fix_times(report.fix_times),
        _models(report.models),
        _scans(report.scans),
    )


def long_table(month: str, tables: Iterable[Table]) -> Table:
    """Return all figures of some tables, one a row: what a file of one table can hold."""
    return Table(
        title="Report",
        columns=("Month", "Part", "Repository", "Group", "Measure", "Value"),
        rows=tuple(row for table in tables for row in _long_rows(month, table)),
    )


def _long_rows(month: str, table: Table) -> Iterator[tuple[Cell, ...]]:
    for row in table.rows:
        texts = [value for value in row if isinstance(value, str)]
        figures = zip(table.columns[len(texts) :], row[len(texts) :], strict=True)
        repository = texts.pop(0) if table.columns[0] == _REPOSITORY else ""
        for measure, figure in figures:
            yield (month, table.title, repository, " ".join(texts), measure, figure)


def _errors(counts: Sequence[ErrorCounts]) -> Table:
    return _table(
        "Errors",
        (_REPOSITORY, "Severity", "Open", "New", "Fixed"),
        (
            (row.repository, row.severity.value, row.open, row.introduced, row.fixed)
            for row in counts
        ),
    )


def _fixes(counts: Sequence[FixCounts]) -> Table:
    return _table(
        "Fixes",
        (_REPOSITORY, *(name for name, _ in FIX_STAGES)),
        (
            (
                row.repository,
                *(sum(row.by_status.get(status, 0) for status in stage) for _, stage in FIX_STAGES),
            )
            for row in counts
        ),
    )


def _fix_times(times: Sequence[FixTime]) -> Table:
    return _table(
        "Time to fix",
        ("Severity", "Fixed", "Median hours", "Longest hours"),
        (
            (
                row.severity.value if row.severity else "all",
                row.fixed,
                round(row.median / _HOUR, 2),
                round(row.longest / _HOUR, 2),
            )
            for row in times
        ),
    )


def _models(costs: Sequence[ModelCosts]) -> Table:
    return _table(
        "Models",
        (_REPOSITORY, "Provider", "Model", "Questions", "Failed", "Tokens in", "Tokens out", "USD"),
        (
            (
                *(row.repository or _NONE, row.provider or _NONE, row.model or _NONE),
                *(row.commands, row.failed, row.input_tokens, row.output_tokens, row.cost_usd),
            )
            for row in costs
        ),
    )


def _scans(counts: Sequence[ScanCounts]) -> Table:
    return _table(
        "Scans",
        (_REPOSITORY, "Scans", *(status.value.capitalize() for status in _ENDED)),
        (
            (
                row.repository,
                sum(row.by_status.values()),
                *(row.by_status.get(status, 0) for status in _ENDED),
            )
            for row in counts
        ),
    )


def _table(title: str, columns: tuple[str, ...], rows: Iterable[Sequence[object]]) -> Table:
    return Table(
        title=title,
        columns=columns,
        rows=tuple(tuple(cell(value) for value in row) for row in rows),
    )
