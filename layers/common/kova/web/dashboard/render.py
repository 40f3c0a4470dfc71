"""Templates become answers: what every page has, and the headers that guard it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from kova.access.api_key import Scope
from kova.shared.severity import Severity
from kova.shared.text import reveal
from kova.web.dashboard import filters
from kova.web.dashboard.assets import asset_address
from kova.web.dashboard.browser import browser_name
from kova.web.dashboard.words import ACTIONS, NOTICES, REASONS, STATUSES, STEPS
from kova.web.pages.session import SignedIn
from kova.web.static_pages import StaticPage

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": _POLICY,
    # With `no-referrer` a browser would hide the origin of our own forms, too.
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
    "vary": "Cookie",
}


@dataclass(frozen=True, kw_only=True)
class Tab:
    """An entry of the navigation. `scope` is what a person needs to see it."""

    name: str
    text: str
    address: str
    scope: Scope = Scope.READ


TABS: Final = (
    Tab(name="overview", text="Overview", address="/"),
    Tab(name="errors", text="Errors", address="/ui/errors"),
    Tab(name="fixes", text="Fixes", address="/ui/fixes"),
    Tab(name="scans", text="Scans", address="/ui/scans"),
    Tab(name="repositories", text="Repositories", address="/ui/repositories"),
    Tab(name="ask", text="Ask", address="/ui/ask", scope=Scope.AI),
    Tab(name="report", text="Report", address="/ui/reports/month"),
    Tab(name="usage", text="Usage", address="/ui/usage"),
    Tab(name="rules", text="Rules", address="/ui/rules"),
    Tab(name="keys", text="Keys", address="/ui/keys", scope=Scope.ADMIN),
    Tab(name="audit", text="Audit log", address="/ui/audit", scope=Scope.ADMIN),
)


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """Who looks at a page, and what they may do; nobody on pages without a sign-in."""

    signed_in: SignedIn | None

    @property
    def name(self) -> str:
        """The person's name; empty for nobody."""
        return self.signed_in.subject.name if self.signed_in else ""

    @property
    def csrf_token(self) -> str:
        """What the forms carry."""
        return self.signed_in.csrf_token if self.signed_in else ""

    def may(self, scope: str) -> bool:
        """True where the person has a scope."""
        return self.signed_in is not None and Scope(scope) in self.signed_in.subject.scopes

    @property
    def tabs(self) -> list[Tab]:
        """The entries of the navigation that the person may open."""
        return [tab for tab in TABS if self.may(tab.scope)]


def _reveal_text(value: object) -> object:
    """Return what a template writes: plain text with its hidden characters shown."""
    return reveal(value) if type(value) is str else value  # Markup was made of revealed text.


@cache
def templates() -> Environment:
    """Return the environment of all templates: everything is escaped, nothing may be missing."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_reveal_text,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(
        exact_time=filters.exact_time_tag,
        duration=filters.duration,
        money=filters.money,
        number=filters.number,
        figure=filters.figure,
        plural=filters.plural,
        web_link=filters.web_link,
        short_sha=filters.short_sha,
        path=filters.path_of,
        breakable=filters.breakable,
        browser=browser_name,
        rejection=filters.rejection,
        inline_code=filters.inline_code,
        unchanged=filters.unchanged,
        action=lambda action: ACTIONS.get(action, action),
        status=lambda status: STATUSES.get(status, status),
        skip_reason=lambda reason: REASONS.get(reason, reason.replace("_", " ")),
    )
    environment.globals.update(
        asset=asset_address, severities=[severity.value for severity in Severity], steps=STEPS
    )
    return environment


def render(
    template: str,
    signed_in: SignedIn | None,
    *,
    path: str,
    now: datetime,
    values: Mapping[str, Any],
    status: int = 200,
    done: str = "",
) -> StaticPage:
    """Return a page, or a part of one.

    Args:
        template: its file.
        signed_in: who looks at it.
        path: its own path.
        now: the present moment.
        values: what its template asks for.
        status: the HTTP status.
        done: the word in NOTICES for what the person has just done; others say nothing.
    """
    body = (
        templates()
        .get_template(template)
        .render(
            viewer=Viewer(signed_in=signed_in),
            notice=NOTICES.get(done),
            here=path,
            ago=lambda moment: filters.time_tag(moment, now),
            **values,
        )
    )
    return StaticPage(status=status, body=body.encode("utf-8", "replace"), headers=_HEADERS)


def show(
    request: Request,
    template: str,
    signed_in: SignedIn | None,
    *,
    now: datetime,
    values: Mapping[str, Any],
    status: int = 200,
) -> Response:
    """Return a page, or a part of one, as the answer to a request."""
    return answer_page(
        render(
            template,
            signed_in,
            path=request.url.path,
            now=now,
            values=values,
            status=status,
            done=request.query_params.get("done", ""),
        )
    )


def answer_page(page: StaticPage) -> Response:
    """Return a page as FastAPI's answer."""
    return Response(page.body, status_code=page.status, headers=dict(page.headers))


def go(address: str, done: str | None = None) -> Response:
    """Return the answer to a form: the page to look at next, perhaps with a notice."""
    if done is not None:
        address += f"{'&' if '?' in address else '?'}done={done}"
    return Response(status_code=303, headers={"location": address, "cache-control": "no-store"})
