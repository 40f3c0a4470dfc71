"""Scans: the list, one scan while it runs and afterwards, and the form that asks for one."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from kova.scans.scan import Scan
from kova.shared.exceptions import InvalidInputError, NotFoundError
from kova.shared.repository import check_full_name, is_ref
from kova.web.dashboard.dependencies import Member, Pages, Reader, RowsRequest
from kova.web.dashboard.forms import OwnForm
from kova.web.dashboard.render import go, show
from kova.web.dependencies import PathId, Scans, encode_cursor
from kova.web.services import ScanServices

router = APIRouter(include_in_schema=False)
_SKIPPED_SHOWN: Final = 50


@router.get("/ui/scans")
async def list_scans(  # noqa: PLR0917 (the query's parameters)
    request: Request,
    reader: Reader,
    pages: Pages,
    scans: Scans,
    rows: RowsRequest,
    repository: Annotated[str, Query(max_length=140)] = "",
    part: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """List scans, newest first; `part=rows` is the list alone, as the page asks for it again."""
    page = await scans.stores.scans.page(rows, repository or None, reader.subject.reach)
    cursor = encode_cursor(page.next)
    query = {"repository": repository} if repository else {}
    values = {
        "title": "Scans",
        "scans": page.items,
        "repository": repository,
        "next": f"/ui/scans?{urlencode({**query, 'cursor': cursor})}" if cursor else None,
        "first": "/ui/scans" if rows.after else None,
        "live": f"/ui/scans?{urlencode({**query, 'part': 'rows'})}" if not rows.after else None,
    }
    template = "scan_rows.html" if part == "rows" else "scans.html"
    return show(request, template, reader, now=pages.now(), values=values)


@router.post("/ui/scans")
async def request_scan(member: Member, form: OwnForm, scans: Scans) -> Response:
    """Queue a scan."""
    ref = form.text("ref")
    if ref and not is_ref(ref):
        raise InvalidInputError("There is no such branch, tag or commit.", field="ref")
    scan = await scans.request_scan.request(
        check_full_name(form.text("repository")),
        ref or None,
        full=form.text("full") == "yes",
        fix=True,
        reach=member.subject.reach,
    )
    return go(f"/ui/scans/{scan.id}", "queued")


@router.get("/ui/scans/{scan_id}")
async def show_scan(
    request: Request, scan_id: PathId, reader: Reader, pages: Pages, scans: Scans
) -> Response:
    """Show one scan."""
    scan = await _scan(scans, scan_id, reader)
    values = {"title": f"Scan of {scan.repository}", **_values(scan), "github": pages.github_web}
    return show(request, "scan.html", reader, now=pages.now(), values=values)


@router.get("/ui/scans/{scan_id}/live")
async def show_progress(
    request: Request, scan_id: PathId, reader: Reader, pages: Pages, scans: Scans
) -> Response:
    """Return the part of a scan's page that changes while it runs."""
    values = {**_values(await _scan(scans, scan_id, reader)), "github": pages.github_web}
    return show(request, "scan_state.html", reader, now=pages.now(), values=values)


async def _scan(scans: ScanServices, scan_id: str, reader: Reader) -> Scan:
    scan = await scans.stores.scans.get(scan_id, reader.subject.reach)
    if scan is None:
        raise NotFoundError("There is no such scan.")
    return scan


def _values(scan: Scan) -> dict[str, Any]:
    return {
        "scan": scan,
        "skipped": scan.skipped[:_SKIPPED_SHOWN],
        "reasons": Counter(skip.reason for skip in scan.skipped).most_common(),
        "more_skipped": max(len(scan.skipped) - _SKIPPED_SHOWN, 0),
        "analyzers": scan.coverage.get("analyzers", []),
        "languages": scan.coverage.get("languages", [])[:12],
    }
