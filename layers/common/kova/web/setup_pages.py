"""The pages of /setup: templates filled with escaped text, and the headers that guard them."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template
from typing import Any, Final
from urllib.parse import urlsplit

from kova.setup.app_needs import EVENTS, PERMISSIONS
from kova.setup.credentials import AppCredentials
from kova.setup.manifest import AppRequest, apps_address
from kova.shared.text import reveal
from kova.web.static_pages import StaticPage

_HERE: Final = Path(__file__).parent / "static" / "setup"
_CACHED: Final = "public, max-age=3600"
_ASSETS: Final = {
    "setup.css": "text/css; charset=utf-8",
    "setup.js": "text/javascript; charset=utf-8",
}
_CODE: Final = re.compile(r"`([^`]+)`")
_MARKED: Final = r"<code>\1</code>"
_FIELDS: Final = ("name", "organization", "public_address")


@dataclass(frozen=True, kw_only=True)
class Markup:
    """Text that is HTML already."""

    html: str


def setup_asset(name: str) -> StaticPage | None:
    """Return a file that the pages load, or None."""
    # Nothing is cached by what a stranger names: it would stay for good.
    return _read_asset(name) if name in _ASSETS else None


@cache
def _read_asset(name: str) -> StaticPage:
    headers = {"content-type": _ASSETS[name], "cache-control": _CACHED}
    return StaticPage(body=(_HERE / name).read_bytes(), headers=headers)


def token_page(*, problem: str | None = None, status: int = 200, root: str) -> StaticPage:
    """Return the page that asks for the one-time token."""
    content = _fill("token", {"problem": _problem(problem), "root": root})
    return _page("Connect Kova to GitHub", "Step 1 of 4", content, status, root=root, script=True)


def form_page(
    fields: Mapping[str, str],
    *,
    github: str,
    root: str,
    problem: str | None = None,
    invalid: object = None,
) -> StaticPage:
    """Return the page that asks for the App's name, owner and address."""
    values: dict[str, str | Markup] = {name: fields.get(name, "") for name in _FIELDS}
    marks = {
        f"invalid_{name}": Markup(html=' aria-invalid="true" autofocus' if name == invalid else "")
        for name in _FIELDS
    }
    host = urlsplit(github).netloc
    content = _fill(
        "form", {**values, **marks, "github": host, "problem": _problem(problem), "root": root}
    )
    status = 422 if problem else 200
    return _page("The GitHub App of this Kova", "Step 2 of 4", content, status, root=root)


def review_page(request: AppRequest, manifest: Mapping[str, Any], target: str) -> StaticPage:
    """Return the page whose button posts the manifest to GitHub."""
    content = _fill(
        "review",
        {
            "name": request.name,
            "owner": request.organization or "your own account",
            "webhook": manifest["hook_attributes"]["url"],
            "target": target,
            "manifest": json.dumps(manifest),
            "permissions": _rows([(f"{p.name}: {p.access}", p.reason) for p in PERMISSIONS]),
            "events": _rows([(event.name, event.reason) for event in EVENTS]),
            "root": "../setup",
        },
    )
    parts = urlsplit(target)
    origin = f"{parts.scheme}://{parts.netloc}"
    return _page("What GitHub will ask you", "Step 3 of 4", content, root="", form_action=origin)


def done_page(credentials: AppCredentials, web_address: str) -> StaticPage:
    """Return the page that says what to do with the App."""
    organization = credentials.owner if credentials.owned_by_organization else None
    content = _fill(
        "done",
        {
            "install": f"{credentials.page}/installations/new",
            "settings": f"{apps_address(web_address, organization)}/{credentials.slug}",
        },
    )
    return _page(f"{credentials.name} is ready", "Step 4 of 4", content, root="")


def problem_page(problem: str, *, status: int, root: str) -> StaticPage:
    """Return the page of an error."""
    again = root.rstrip("/") or "../setup"
    content = _fill("problem", {"problem": problem, "again": again})
    return _page("That did not work", "Setup", content, status, root=root)


def _rows(pairs: list[tuple[str, str]]) -> Markup:
    rows = (
        f"<div><dt><code>{html.escape(term)}</code></dt>"
        f"<dd>{_CODE.sub(_MARKED, html.escape(text))}</dd></div>"
        for term, text in pairs
    )
    return Markup(html="\n".join(rows))


def _problem(text: str | None) -> Markup:
    if text is None:
        return Markup(html="")
    return Markup(html=f'<div class="problem" role="alert">{html.escape(reveal(text))}</div>')


def _fill(name: str, values: Mapping[str, str | Markup]) -> Markup:
    """Return a template with its places filled; all that is not Markup is escaped."""
    escaped = {
        key: value.html if isinstance(value, Markup) else html.escape(reveal(value), quote=True)
        for key, value in values.items()
    }
    return Markup(html=_template(name).substitute(escaped))


@cache
def _template(name: str) -> Template:
    return Template((_HERE / f"{name}.html").read_text())


def _page(
    title: str,
    step: str,
    content: Markup,
    status: int = 200,
    *,
    root: str,
    script: bool = False,
    form_action: str = "",
) -> StaticPage:
    loaded = f'<script src="{html.escape(root)}setup.js"></script>' if script else ""
    places: dict[str, str | Markup] = {
        "title": title,
        "step": step,
        "content": content,
        "root": root,
        "script": Markup(html=loaded),
    }
    body = _fill("layout", places).html.encode("utf-8", "replace")
    policy = [
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'" if script else "script-src 'none'",
        f"form-action 'self' {form_action}".rstrip(),
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
    headers = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": "; ".join(policy),
        # With `no-referrer` a browser would hide the origin of our own forms, too.
        "referrer-policy": "strict-origin",
    }
    return StaticPage(status=status, body=body, headers=headers)
