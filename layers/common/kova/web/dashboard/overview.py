"""The first page: figures, and what needs somebody now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Final

from fastapi import APIRouter, Request, Response

from kova.errors.error import ErrorRecord, ErrorStatus
from kova.errors.ports import ErrorFilter, ErrorStore
from kova.fixes.fix import FixStatus
from kova.scans.scan import ScanStatus
from kova.shared.page import PageRequest
from kova.shared.reach import Reach
from kova.shared.severity import Severity
from kova.web.dashboard.charts import bar_chart
from kova.web.dashboard.dependencies import Pages, Reader
from kova.web.dashboard.render import show
from kova.web.dependencies import Errors, Fixes, Scans, Usage

router = APIRouter(include_in_schema=False)
_PERIOD: Final = timedelta(days=29)
_SHOWN: Final = 5
_NEARLY: Final = Decimal("0.8")


@router.get("/")
async def overview(  # noqa: PLR0917 (the capabilities)
    request: Request,
    reader: Reader,
    pages: Pages,
    errors: Errors,
    fixes: Fixes,
    scans: Scans,
    usage: Usage,
) -> Response:
    """Show the figures."""
    reach, now = reader.subject.reach, pages.now()
    summary = await pages.summaries.summary(reach, since=now.date() - _PERIOD, until=now.date())
    few = PageRequest(limit=_SHOWN)
    latest_scans = await scans.stores.scans.page(few, None, reach)
    # The budget is that of everybody's commands, as in GET /api/usage.
    budget = usage.monthly_budget_usd if reach.is_everything else None
    values = {
        "title": "Overview",
        "summary": summary,
        "total": sum(summary.open_errors.values()),
        "chart": bar_chart(summary.days),
        "opened": sum(day.opened for day in summary.days),
        "fixed": sum(day.fixed for day in summary.days),
        "budget": budget,
        "everything": reach.is_everything,
        "budget_nearly": budget is not None and summary.spent_usd >= budget * _NEARLY,
        "ready": (await fixes.fixes.page(few, None, FixStatus.VERIFIED, reach)).items,
        "worst": await _worst(errors.errors, reach),
        "scans": latest_scans.items,
        "failed": [scan for scan in latest_scans.items if scan.status is ScanStatus.FAILED],
        "is_new": not latest_scans.items,
    }
    return show(request, "overview.html", reader, now=now, values=values)


async def _worst(errors: ErrorStore, reach: Reach) -> Sequence[ErrorRecord]:
    """Return a few open errors, critical ones before high ones, each newest first."""
    worst: list[ErrorRecord] = []
    for severity in (Severity.CRITICAL, Severity.HIGH):
        if len(worst) < _SHOWN:
            filters = ErrorFilter(status=ErrorStatus.OPEN, severity=severity)
            page = await errors.page(PageRequest(limit=_SHOWN - len(worst)), filters, reach)
            worst += page.items
    return worst
