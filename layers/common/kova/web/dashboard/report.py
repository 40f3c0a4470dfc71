"""The report of a month."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from kova.fixes.fix import FixStatus
from kova.models.usage import month_of
from kova.reports.export_request import request_of
from kova.reports.month_report import MonthReport
from kova.reports.table import Table
from kova.reports.tables import report_tables
from kova.web.dashboard.dependencies import Reader
from kova.web.dashboard.exports import export_addresses
from kova.web.dashboard.filters import duration, money, number
from kova.web.dashboard.months import months_around
from kova.web.dashboard.render import show
from kova.web.dependencies import Reports

router = APIRouter(include_in_schema=False)
_SHOWN: Final = 40
"""Rows of a part: the page stays small, and the exports have them all."""
_NOTES: Final = {
    "Errors": "Open at the end of the month, or now; first seen and fixed in it. What people"
    " ignore is not open.",
    "Fixes": "Proposed in the month, and how far they have come by now: a merged fix was published"
    " before, and verified before that.",
    "Time to fix": "Of the errors that were fixed in the month, from first seen to fixed.",
    "Models": "What was asked in the month, by people and by scans, with what it cost.",
    "Scans": "Asked for in the month. The rest of them has not ended yet.",
}


@router.get("/ui/reports/month")
async def show_report(
    request: Request,
    reader: Reader,
    reports: Reports,
    month: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """Show the figures of a month."""
    months = months_around(month, month_of(reports.now()))
    wish = request_of({"month": months.shown})
    report = await reports.tables.report(months.shown, reader.subject.reach)
    values = {
        "title": f"Report of {months.shown}",
        "months": months,
        "figures": _figures(report),
        "sections": [
            (table, _NOTES[table.title], _hidden(table)) for table in report_tables(report)
        ],
        "shown": _SHOWN,
        **export_addresses(wish, reports),
    }
    return show(request, "report.html", reader, now=reports.now(), values=values)


def _figures(report: MonthReport) -> list[tuple[str, str]]:
    """Return the sums of a report, each with its name."""
    merged = sum(row.by_status.get(FixStatus.MERGED, 0) for row in report.fixes)
    spent = sum((row.cost_usd for row in report.models), Decimal(0))
    return [
        ("Open", number(sum(row.open for row in report.errors))),
        ("New", number(sum(row.introduced for row in report.errors))),
        ("Fixed", number(sum(row.fixed for row in report.errors))),
        ("Time to fix, median", duration(report.fix_times[0].median if report.fix_times else None)),
        ("Fixes merged", number(merged)),
        ("Spent on models", money(spent)),
    ]


def _hidden(table: Table) -> int:
    return max(len(table.rows) - _SHOWN, 0)
