"""Take tables with you: errors and reports as CSV, and to Google Sheets with one's own consent."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from kova.reports.csv_text import MEDIA_TYPE, write_csv
from kova.reports.exceptions import SheetIncompleteError
from kova.reports.export_request import ExportRequest, request_of
from kova.reports.gather_tables import MOST_ERRORS, Export
from kova.reports.record_export import CSV
from kova.reports.table import Table
from kova.reports.tables import long_table
from kova.shared.exceptions import KovaError, NotFoundError
from kova.web.client import note_verdict
from kova.web.dashboard.dependencies import Reader
from kova.web.dashboard.error_query import ChosenFilters, errors_address
from kova.web.dashboard.render import go, show
from kova.web.dependencies import Reports
from kova.web.pages.own_address import own_address
from kova.web.pages.session import SignedIn
from kova.web.problem_table import describe, problem_headers, retry_header
from kova.web.services import ReportServices

if TYPE_CHECKING:
    from kova.reports.export_to_sheets import ExportToSheets

router = APIRouter(include_in_schema=False)
CALLBACK_PATH: Final = "/ui/reports/google/callback"
"""What a client's authorised redirect URIs at Google must name (docs/google-sheets.md)."""
_SHEET: Final = "https://docs.google.com/spreadsheets/d/"
_MARK_CHARACTERS: Final = 32
_OWN_LINKS: Final = frozenset({"same-origin", "none"})


@router.get("/ui/reports/errors")
async def show_export(
    request: Request, reader: Reader, reports: Reports, chosen: ChosenFilters
) -> Response:
    """Say what an export of these errors holds, and offer it."""
    wish = request_of(chosen)
    values = {
        "title": "Export errors",
        "filters": wish.to_texts(),
        "count": await reports.tables.count(wish, reader.subject.reach),
        "most": MOST_ERRORS,
        "back": errors_address(wish.to_texts()),
        **export_addresses(wish, reports),
    }
    return show(request, "export.html", reader, now=reports.now(), values=values)


@router.get("/ui/reports/errors.csv")
async def download_errors(
    request: Request, reader: Reader, reports: Reports, chosen: ChosenFilters
) -> Response:
    """Return the errors of these filters as CSV, the newest first."""
    wish = request_of(chosen)
    export = await _gather(request, wish, reader, reports)
    (table,) = export.tables
    return _file(export, table, extra=f"-newest-{export.rows}" if export.is_cut else "")


@router.get("/ui/reports/month.csv")
async def download_report(
    request: Request,
    reader: Reader,
    reports: Reports,
    month: Annotated[str, Query(max_length=10)],
) -> Response:
    """Return all figures of a month's report as CSV, one a row."""
    export = await _gather(request, request_of({"month": month}), reader, reports)
    return _file(export, long_table(month, export.tables))


@router.get("/ui/reports/google")
async def begin_sheet(
    request: Request,
    reader: Reader,
    reports: Reports,
    chosen: ChosenFilters,
    month: Annotated[str | None, Query(max_length=10)] = None,
) -> Response:
    """Send the browser to Google for a consent to make one sheet."""
    wish = request_of(chosen if month is None else {"month": month})
    if request.headers.get("sec-fetch-site", "same-origin") not in _OWN_LINKS:
        return go(_page_of(wish))  # Another site leads here: somebody is to press our own button.
    sheets = _sheets(reports)
    await reports.admit_export(reader.subject.actor, note_verdict(request))
    address = await sheets.begin(
        wish,
        subject=reader.subject,
        session_id=reader.session_id,
        redirect_uri=own_address(request, reports.public_url) + CALLBACK_PATH,
    )
    return go(address)


@router.get(CALLBACK_PATH)
async def finish_sheet(request: Request, reader: Reader, reports: Reports) -> Response:
    """Make the sheet of somebody whom Google sends back, and lead to it."""
    sheets = _sheets(reports)
    await reports.admit_export(reader.subject.actor, note_verdict(request))
    begun = await sheets.resume(request.query_params.get("state", ""), reader.session_id)
    try:
        sheet = await sheets.finish(begun, request.query_params, reader.subject)
    except KovaError as exc:
        return _show_failure(request, reader, reports, begun.request, exc)
    facts = {"sheet": sheet.spreadsheet_id, "rows": str(sheet.rows), "cut": str(int(sheet.is_cut))}
    return go(f"/ui/reports/google/done?{urlencode({**facts, 'mark': _mark(reader, facts)})}")


@router.get("/ui/reports/google/done")
async def show_sheet(  # noqa: PLR0917 (the query's parameters)
    request: Request,
    reader: Reader,
    reports: Reports,
    sheet: Annotated[str, Query(max_length=100)] = "",
    rows: Annotated[str, Query(max_length=10)] = "",
    cut: Annotated[str, Query(max_length=1)] = "",
    mark: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Lead to a sheet that this session has just exported, and to no other address."""
    facts = {"sheet": sheet, "rows": rows, "cut": cut}
    if not hmac.compare_digest(_mark(reader, facts).encode(), mark.encode("utf-8", "replace")):
        raise NotFoundError("This session has exported no such sheet.")
    values = {
        "title": "The sheet is ready",
        "address": _SHEET + sheet,
        "rows": int(rows),
        "is_cut": cut == "1",
        "most": MOST_ERRORS,
    }
    return show(request, "exported.html", reader, now=reports.now(), values=values)


def export_addresses(wish: ExportRequest, reports: ReportServices) -> dict[str, str | None]:
    """Return where an export begins: `csv`, and `sheet` where Google is configured."""
    query = urlencode(wish.to_texts())
    name = "errors" if wish.month is None else "month"
    return {
        "csv": f"/ui/reports/{name}.csv?{query}",
        "sheet": f"/ui/reports/google?{query}" if reports.sheets is not None else None,
    }


def _page_of(wish: ExportRequest) -> str:
    name = "errors" if wish.month is None else "month"
    return f"/ui/reports/{name}?{urlencode(wish.to_texts())}"


def _sheets(reports: ReportServices) -> ExportToSheets:
    if reports.sheets is None:
        raise NotFoundError("Google Sheets is not set up here: docs/google-sheets.md says how.")
    return reports.sheets


async def _gather(
    request: Request, wish: ExportRequest, reader: SignedIn, reports: ReportServices
) -> Export:
    """Return the tables of a download, which is in the audit log before anybody has it."""
    await reports.admit_export(reader.subject.actor, note_verdict(request))
    export = await reports.tables.gather(wish, reader.subject.reach)
    await reports.record_export.record(wish, export, reader.subject, CSV)
    return export


def _file(export: Export, table: Table, extra: str = "") -> Response:
    name = export.title.lower().replace(" ", "-") + extra
    headers = {
        "content-type": MEDIA_TYPE,
        "content-disposition": f'attachment; filename="{name}.csv"',
        "cache-control": "no-store",
    }
    return Response(write_csv(table), headers=headers)


def _show_failure(
    request: Request,
    reader: SignedIn,
    reports: ReportServices,
    wish: ExportRequest,
    error: KovaError,
) -> Response:
    status, _ = describe(error)
    incomplete = error.data["spreadsheet_id"] if isinstance(error, SheetIncompleteError) else None
    values = {
        "title": "The sheet is not complete" if incomplete else "No sheet was made",
        "detail": error.message,
        "reason": error.reason,
        "address": f"{_SHEET}{incomplete}" if incomplete else None,
        "back": _page_of(wish),
        **export_addresses(wish, reports),
    }
    response = show(
        request, "export_failed.html", reader, now=reports.now(), values=values, status=status
    )
    response.headers.update(problem_headers(status) | retry_header(error))
    return response


def _mark(reader: SignedIn, facts: dict[str, str]) -> str:
    """Return what only Kova can write under the facts of an export of this session."""
    text = "\n".join(("sheet", *facts.values())).encode("utf-8", "replace")
    return hmac.digest(reader.csrf_token.encode(), text, "sha256").hex()[:_MARK_CHARACTERS]
