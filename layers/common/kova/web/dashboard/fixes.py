"""Fixes: the list, one fix with its proof, its publication."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from kova.fixes.fix import FixStatus
from kova.fixes.protected import is_protected
from kova.fixes.request_publish import PUBLISHABLE
from kova.shared.exceptions import InvalidInputError, NotFoundError
from kova.web.dashboard.code import patch_rows
from kova.web.dashboard.dependencies import Member, Pages, Reader, RowsRequest
from kova.web.dashboard.forms import OwnForm
from kova.web.dashboard.publication import PUBLISHING, Since, begin_of, publication_of
from kova.web.dashboard.render import go, show
from kova.web.dependencies import Fixes, PathId, encode_cursor
from kova.web.own_path import own_path
from kova.web.pages.session import SignedIn
from kova.web.services import FixServices, PageServices

router = APIRouter(include_in_schema=False)


@router.get("/ui/fixes")
async def list_fixes(  # noqa: PLR0917 (the query's parameters)
    request: Request,
    reader: Reader,
    pages: Pages,
    fixes: Fixes,
    rows: RowsRequest,
    status: Annotated[str, Query(max_length=20)] = "",
    repository: Annotated[str, Query(max_length=140)] = "",
) -> Response:
    """List fixes, newest first."""
    try:
        chosen = FixStatus(status) if status else None
    except ValueError:
        raise InvalidInputError("There is no such status.") from None
    page = await fixes.fixes.page(rows, repository or None, chosen, reader.subject.reach)
    query = {"status": status, "repository": repository}
    query = {name: text for name, text in query.items() if text}
    cursor = encode_cursor(page.next)
    values = {
        "title": "Fixes",
        "fixes": page.items,
        "status": status,
        "repository": repository,
        "statuses": ["", *(known.value for known in FixStatus if known is not FixStatus.PROPOSED)],
        "next": f"/ui/fixes?{urlencode({**query, 'cursor': cursor})}" if cursor else None,
        "first": f"/ui/fixes?{urlencode(query)}" if rows.after else None,
    }
    return show(request, "fixes.html", reader, now=pages.now(), values=values)


@router.get("/ui/fixes/{fix_id}")
async def show_fix(
    request: Request, fix_id: PathId, reader: Reader, pages: Pages, fixes: Fixes
) -> Response:
    """Show one fix."""
    since = begin_of(request.query_params.get("done", ""), pages.now())
    values = await _values(fix_id, reader, pages, fixes, since)
    return show(request, "fix.html", reader, now=pages.now(), values=values)


@router.get("/ui/fixes/{fix_id}/live")
async def show_fix_state(  # noqa: PLR0917 (the capabilities)
    request: Request,
    fix_id: PathId,
    reader: Reader,
    pages: Pages,
    fixes: Fixes,
    since: Since = 0,
) -> Response:
    """Return the part of a fix's page that changes while it is published."""
    values = await _values(fix_id, reader, pages, fixes, since)
    return show(request, "fix_state.html", reader, now=pages.now(), values=values)


async def _values(
    fix_id: str, reader: SignedIn, pages: PageServices, fixes: FixServices, since: int | None
) -> dict[str, Any]:
    fix = await fixes.fixes.get(fix_id, reader.subject.reach)
    if fix is None:
        raise NotFoundError("There is no such fix.")
    return {
        "title": f"Fix: {fix.message or fix.rule_id}",
        "fix": fix,
        "patch": patch_rows(fix.patch),
        "publishable": fix.status in PUBLISHABLE and not is_protected(fix.path),
        "publication": publication_of(fix, pages.now(), since),
    }


@router.post("/ui/fixes/{fix_id}/publish")
async def publish_fix(fix_id: PathId, member: Member, form: OwnForm, fixes: Fixes) -> Response:
    """Ask for the pull request of a fix."""
    await fixes.request_publish.request(
        fix_id, actor=member.subject.actor, reach=member.subject.reach
    )
    return go(own_path(form.text("back") or f"/ui/fixes/{fix_id}"), PUBLISHING)
