"""Errors: the list, one error, ignoring and opening again."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from kova.errors.error import ErrorStatus
from kova.errors.saved_view import check_view_name
from kova.reports.export_request import ANY, FILTERS, error_filter
from kova.shared.exceptions import InvalidInputError, NotFoundError
from kova.web.dashboard.code import patch_rows, snippet_rows
from kova.web.dashboard.dependencies import Member, Pages, Reader, RowsRequest
from kova.web.dashboard.error_query import FILTER_CHARACTERS, ChosenFilters, errors_address
from kova.web.dashboard.forms import BrowserForm, OwnForm
from kova.web.dashboard.publication import Since, begin_of, publication_of
from kova.web.dashboard.render import go, show
from kova.web.dependencies import Errors, Fixes, PathId, encode_cursor
from kova.web.own_path import own_path
from kova.web.pages.session import SignedIn
from kova.web.services import ErrorServices, FixServices, PageServices

router = APIRouter(include_in_schema=False)


@router.get("/ui/errors")
async def list_errors(  # noqa: PLR0917 (the capabilities)
    request: Request,
    reader: Reader,
    pages: Pages,
    errors: Errors,
    rows: RowsRequest,
    chosen: ChosenFilters,
) -> Response:
    """List errors, newest first."""
    page = await errors.errors.page(rows, error_filter(chosen), reader.subject.reach)
    query = {name: text for name, text in chosen.items() if text}
    cursor = encode_cursor(page.next)
    values = {
        "title": "Errors",
        "errors": page.items,
        "chosen": chosen,
        "narrowed": [name for name in query if name != "status"],
        "views": _views(chosen),
        "saved": [
            (view, errors_address(view.filters), view.filters == query)
            for view in await pages.saved_views.list(reader.subject.actor)
        ],
        "next": f"/ui/errors?{urlencode({**query, 'cursor': cursor})}" if cursor else None,
        "first": f"/ui/errors?{urlencode(query)}" if rows.after else None,
        "back": f"{request.url.path}?{request.url.query}" if request.url.query else "/ui/errors",
        "export": f"/ui/reports/errors?{urlencode(query)}",
        "statuses": [ANY, *(known.value for known in ErrorStatus)],
    }
    return show(request, "errors.html", reader, now=pages.now(), values=values)


@router.get("/ui/errors/{error_id}")
async def show_error(  # noqa: PLR0917 (the capabilities)
    request: Request,
    error_id: PathId,
    reader: Reader,
    pages: Pages,
    errors: Errors,
    fixes: Fixes,
) -> Response:
    """Show one error."""
    since = begin_of(request.query_params.get("done", ""), pages.now())
    values = await _values(error_id, reader, pages, errors, fixes, since)
    return show(request, "error.html", reader, now=pages.now(), values=values)


@router.get("/ui/errors/{error_id}/live")
async def show_error_state(  # noqa: PLR0917 (the capabilities)
    request: Request,
    error_id: PathId,
    reader: Reader,
    pages: Pages,
    errors: Errors,
    fixes: Fixes,
    since: Since = 0,
) -> Response:
    """Return the part of an error's page that changes while its fix is published."""
    values = await _values(error_id, reader, pages, errors, fixes, since)
    return show(request, "error_state.html", reader, now=pages.now(), values=values)


async def _values(  # noqa: PLR0917 (the capabilities)
    error_id: str,
    reader: SignedIn,
    pages: PageServices,
    errors: ErrorServices,
    fixes: FixServices,
    since: int | None,
) -> dict[str, Any]:
    reach = reader.subject.reach
    error = await errors.errors.get(error_id, reach)
    if error is None:
        raise NotFoundError("There is no such error.")
    fix = await fixes.fixes.get(error.fix.id, reach) if error.fix else None
    finding = error.finding
    return {
        "title": finding.message,
        "error": error,
        "finding": finding,
        "rule": pages.catalogue.get(finding.analyzer, {}).get(finding.rule_id),
        "rows": snippet_rows(finding),
        "fix": fix,
        "patch": patch_rows(fix.patch) if fix else [],
        "github": pages.github_web,
        "publication": publication_of(fix, pages.now(), since),
    }


@router.post("/ui/errors/ignore")
async def ignore_errors(member: Member, form: OwnForm, errors: Errors) -> Response:
    """Ignore some errors for one reason: all of them, or none and a page that says why."""
    await errors.change_error.ignore_together(
        form.texts("id"),
        reason=form.text("reason"),
        actor=member.subject.actor,
        reach=member.subject.reach,
    )
    return go(own_path(form.text("back") or "/ui/errors"), "ignored")


@router.post("/ui/errors/{error_id}/ignore")
async def ignore_error(error_id: PathId, member: Member, form: OwnForm, errors: Errors) -> Response:
    """Ignore one error, for good or until a day."""
    await errors.change_error.ignore(
        error_id,
        reason=form.text("reason"),
        until=_until(form),
        actor=member.subject.actor,
        reach=member.subject.reach,
    )
    return go(f"/ui/errors/{error_id}", "ignored")


@router.post("/ui/errors/{error_id}/open")
async def open_error(error_id: PathId, member: Member, form: OwnForm, errors: Errors) -> Response:
    """Open an ignored error again."""
    del form  # It carries nothing but where it came from.
    await errors.change_error.open(error_id, actor=member.subject.actor, reach=member.subject.reach)
    return go(f"/ui/errors/{error_id}", "opened")


@router.post("/ui/views")
async def save_view(reader: Reader, form: OwnForm, pages: Pages) -> Response:
    """Name the filters in force, for this person alone."""
    chosen = {name: form.text(name) for name in FILTERS}
    if any(len(text) > FILTER_CHARACTERS for text in chosen.values()):
        raise InvalidInputError("A filter is too long.")
    error_filter(chosen)
    filters = {name: text for name, text in chosen.items() if text}
    name = check_view_name(form.text("name"))
    await pages.saved_views.save(reader.subject.actor, name, filters)
    return go(errors_address(filters), "view-saved")


@router.post("/ui/views/{view_id}/delete")
async def delete_view(view_id: PathId, reader: Reader, form: OwnForm, pages: Pages) -> Response:
    """Delete one of a person's own views."""
    if not await pages.saved_views.delete(reader.subject.actor, view_id):
        raise NotFoundError("You have no such view.")
    return go(own_path(form.text("back") or "/ui/errors"), "view-deleted")


def _views(chosen: dict[str, str]) -> list[tuple[str, str, bool]]:
    """Return the ready-made views: text, address, and whether it is the one that is shown."""
    keep = {name: text for name, text in chosen.items() if text}
    views: list[tuple[str, str, bool]] = []
    for text, status, severity in (
        ("Open", "open", ""),
        ("Critical", "open", "critical"),
        ("High", "open", "high"),
        ("Ignored", "ignored", ""),
        ("Fixed", "fixed", ""),
        ("All", ANY, ""),
    ):
        query = {**keep, "status": status, "severity": severity}
        address = urlencode({name: value for name, value in query.items() if value})
        is_current = (chosen["status"], chosen["severity"]) == (status, severity)
        views.append((text, f"/ui/errors?{address}", is_current))
    return views


def _until(form: BrowserForm) -> datetime | None:
    """Return the end of the day (UTC) until which an error is ignored; None for good."""
    text = form.text("until")
    if not text:
        return None
    try:
        day = datetime.fromisoformat(text).date()
    except ValueError:
        raise InvalidInputError("The day is written as in 2027-01-31.", field="until") from None
    return datetime.combine(day, time(23, 59, 59), tzinfo=UTC)
