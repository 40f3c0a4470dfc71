"""For administrators: API keys and the audit log; for everybody: usage and rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from kova.access.api_key import Scope
from kova.analysis.rule import Rule
from kova.models.usage import first_day, month_of
from kova.shared.exceptions import InvalidInputError, NotFoundError
from kova.shared.page import PageRequest
from kova.shared.reach import reach_of
from kova.web.dashboard.dependencies import Administrator, Pages, Reader, RowsRequest
from kova.web.dashboard.forms import BrowserForm, OwnForm
from kova.web.dashboard.months import months_around
from kova.web.dashboard.render import go, show
from kova.web.dashboard.repositories import dollars_of
from kova.web.dependencies import Access, Usage, encode_cursor, require_everything
from kova.web.services import AccessServices

router = APIRouter(include_in_schema=False)


@router.get("/ui/usage")
async def show_usage(
    request: Request,
    reader: Reader,
    pages: Pages,
    usage: Usage,
    month: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """Show what a month's commands cost."""
    months = months_around(month, month_of(pages.now()))
    sums = await usage.usage.month(
        first_day(months.shown), usage.monthly_budget_usd, reader.subject.reach, None
    )
    values = {
        "title": "Usage",
        "usage": sums,
        "months": months,
        "total": sum(row.cost_usd for row in sums.rows),
        "commands": sum(row.commands for row in sums.rows),
        "cached": sum(row.cached for row in sums.rows),
    }
    return show(request, "usage.html", reader, now=pages.now(), values=values)


@router.get("/ui/rules")
async def list_rules(
    request: Request,
    reader: Reader,
    pages: Pages,
    analyzer: Annotated[str, Query(max_length=40)] = "",
    q: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """Show the rules of an analyser, and why each is run."""
    catalogue = pages.catalogue
    shown = analyzer or next(iter(catalogue))
    if shown not in catalogue:
        raise NotFoundError("There is no such analyser.")
    values = {
        "title": "Rules",
        "counts": {name: len(rules) for name, rules in catalogue.items()},
        "analyzer": shown,
        "query": q,
        "rules": _matching(catalogue[shown], q),
    }
    return show(request, "rules.html", reader, now=pages.now(), values=values)


@router.get("/ui/keys")
async def list_keys(
    request: Request, admin: Administrator, pages: Pages, access: Access, rows: RowsRequest
) -> Response:
    """List the API keys."""
    return await _keys(request, admin, pages, access, rows)


@router.post("/ui/keys")
async def create_key(
    request: Request, admin: Administrator, pages: Pages, access: Access, form: OwnForm
) -> Response:
    """Make a key and show it, this once."""
    require_everything(admin.subject)
    try:
        scopes = frozenset(Scope(text) for text in form.texts("scope"))
    except ValueError:
        raise InvalidInputError("There is no such scope.", field="scope") from None
    created = await access.manage_keys.create(
        actor=admin.subject.actor,
        name=form.text("name"),
        scopes=scopes,
        expires_at=_expiry(form),
        monthly_budget_usd=dollars_of(form, "monthly_budget_usd"),
        reach=reach_of(form.text("repositories").replace(",", " ").split() or None),
    )
    rows = PageRequest()
    return await _keys(request, admin, pages, access, rows, plaintext=created.plaintext)


@router.post("/ui/keys/{prefix}/revoke")
async def revoke_key(
    prefix: Annotated[str, Path(max_length=64)],
    admin: Administrator,
    form: OwnForm,
    access: Access,
) -> Response:
    """Revoke a key."""
    del form  # It carries nothing but where it came from.
    require_everything(admin.subject)
    await access.manage_keys.revoke(actor=admin.subject.actor, prefix=prefix)
    return go("/ui/keys", "revoked")


@router.get("/ui/audit")
async def list_audit(
    request: Request, admin: Administrator, pages: Pages, access: Access, rows: RowsRequest
) -> Response:
    """List who changed what."""
    require_everything(admin.subject)
    page = await access.audit.page(rows)
    cursor = encode_cursor(page.next)
    values = {
        "title": "Audit log",
        "events": page.items,
        "next": f"/ui/audit?cursor={cursor}" if cursor else None,
        "first": "/ui/audit" if rows.after else None,
    }
    return show(request, "audit.html", admin, now=pages.now(), values=values)


async def _keys(  # noqa: PLR0917 (the capabilities)
    request: Request,
    admin: Administrator,
    pages: Pages,
    access: AccessServices,
    rows: PageRequest,
    plaintext: str | None = None,
) -> Response:
    require_everything(admin.subject)
    page = await access.manage_keys.page(rows)
    cursor = encode_cursor(page.next)
    values = {
        "title": "Keys",
        "keys": page.items,
        "plaintext": plaintext,
        "scopes": [scope.value for scope in Scope],
        "next": f"/ui/keys?cursor={cursor}" if cursor else None,
        "first": "/ui/keys" if rows.after else None,
        "now": pages.now(),
    }
    return show(request, "keys.html", admin, now=pages.now(), values=values)


def _matching(rules: Mapping[str, Rule], query: str) -> list[Rule]:
    words = query.casefold().split()
    return [
        rule
        for rule in rules.values()
        if all(word in f"{rule.id} {rule.reason} {rule.cwe}".casefold() for word in words)
    ]


def _expiry(form: BrowserForm) -> datetime | None:
    text = form.text("expires_on")
    if not text:
        return None
    try:
        day = datetime.fromisoformat(text).date()
    except ValueError:
        raise InvalidInputError("The day is written as in 2027-01-31.") from None
    return datetime.combine(day, time(23, 59, 59), tzinfo=UTC)
