"""Gather tables: the rows of an export, bounded, within somebody's reach."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from kova.reports.export_request import ExportRequest, check_month, error_filter
from kova.reports.table import Cell, Table, row_bytes
from kova.reports.tables import error_row, error_table, report_tables
from kova.shared.exceptions import DatabaseUnavailableError
from kova.shared.page import PageRequest

if TYPE_CHECKING:
    from kova.errors.ports import ErrorFilter, ErrorStore
    from kova.reports.month_report import MonthReport
    from kova.reports.ports import ReportStore
    from kova.shared.reach import Reach

MOST_ERRORS: Final = 5_000
"""Of one export, the newest first."""
MOST_BYTES: Final = 4_500_000
"""Of one export as CSV: an answer of Lambda holds 6 MB."""
_ROWS_AT_ONCE: Final = 500
_SECONDS: Final = 6.0
"""To read the rows of an export: Google's part of it has 17 seconds, the function 25."""


@dataclass(frozen=True, kw_only=True)
class Export:
    """The tables of an export. `is_cut` says that there is more than its bounds allow."""

    title: str
    tables: tuple[Table, ...]
    is_cut: bool = False

    @property
    def rows(self) -> int:
        """How many rows there are in all tables, without headers."""
        return sum(len(table.rows) for table in self.tables)


@dataclass(kw_only=True)
class _ErrorRows:
    """Rows that were read so far; `is_cut` once another one would be too much."""

    rows: list[tuple[Cell, ...]] = field(default_factory=list)
    is_cut: bool = False
    _bytes: int = 0

    def add(self, row: tuple[Cell, ...]) -> None:
        """Add a row, or note that there is no room for it."""
        self._bytes += row_bytes(row)
        self.is_cut |= len(self.rows) >= MOST_ERRORS or self._bytes > MOST_BYTES
        if not self.is_cut:
            self.rows.append(row)


class GatherTables:
    """Reads what people take with them."""

    def __init__(
        self,
        *,
        errors: ErrorStore,
        reports: ReportStore,
        now: Callable[[], datetime],
        seconds: float = _SECONDS,
    ) -> None:
        self._errors = errors
        self._reports = reports
        self._now = now
        self._seconds = seconds

    async def gather(self, request: ExportRequest, reach: Reach) -> Export:
        """Return the tables that a request is about.

        Raises:
            InvalidInputError: there is no such month, status or severity.
            DatabaseUnavailableError: also where reading takes too long.
        """
        try:
            async with asyncio.timeout(self._seconds):
                return await self._gather(request, reach)
        except TimeoutError:
            raise DatabaseUnavailableError(
                "The rows could not be read in time. Narrow the filters, or try again in a minute."
            ) from None

    async def _gather(self, request: ExportRequest, reach: Reach) -> Export:
        if request.month is not None:
            report = await self.report(request.month, reach)
            return Export(title=f"Kova report {request.month}", tables=report_tables(report))
        gathered = await self._read_errors(error_filter(request.filters or {}), reach)
        return Export(
            title=f"Kova errors {self._now():%Y-%m-%d}",
            tables=(error_table(gathered.rows),),
            is_cut=gathered.is_cut,
        )

    async def report(self, month: str, reach: Reach) -> MonthReport:
        """Return the report of a month.

        Raises:
            InvalidInputError: there is no such month.
        """
        return await self._reports.month(check_month(month), reach)

    async def count(self, request: ExportRequest, reach: Reach) -> int:
        """Return how many errors a request is about; MOST_ERRORS + 1 stands for more."""
        filters = error_filter(request.filters or {})
        return await self._errors.count(filters, reach, MOST_ERRORS + 1)

    async def _read_errors(self, filters: ErrorFilter, reach: Reach) -> _ErrorRows:
        gathered = _ErrorRows()
        request = PageRequest(limit=_ROWS_AT_ONCE)
        while not gathered.is_cut:
            page = await self._errors.page(request, filters, reach)
            for error in page.items:
                gathered.add(error_row(error))
            if page.next is None:
                break
            request = PageRequest(limit=_ROWS_AT_ONCE, after=page.next)
        return gathered
