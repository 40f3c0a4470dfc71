"""GitHub's pages and calls around Apps: made from a manifest, converted once, installed."""

from __future__ import annotations

import html
import secrets
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from kova_fakes.github.apps import RegisteredApp, new_key
from kova_fakes.github.context import answer, context_of, form_of, page, require_app
from kova_fakes.github.errors import not_found
from kova_fakes.github.manifest import NAME_LIMIT, ManifestError, read_manifest, slug_of

_LONGEST_STATE = 2_000


async def new_app(request: Request) -> Response:
    """POST .../settings/apps/new: show what is asked for, and a button that makes the App."""
    form = await form_of(request)
    text, state = form.get("manifest", ""), request.query_params.get("state", "")
    try:
        manifest = _read(request, text)
    except ManifestError as exc:
        return _refusal(exc)
    owner = request.path_params.get("organization", "your account")
    rows = "".join(
        f"<li>{html.escape(name)}: {html.escape(access)}</li>"
        for name, access in manifest.get("default_permissions", {}).items()
    )
    rows += "".join(
        f"<li>event {html.escape(name)}</li>" for name in manifest.get("default_events", [])
    )
    hidden = "".join(
        f'<input type="hidden" name="{key}" value="{html.escape(value, quote=True)}">'
        for key, value in (("manifest", text), ("state", state[:_LONGEST_STATE]))
    )
    name = html.escape(manifest.get("name", ""), quote=True)
    body = (
        f"<p>It will belong to {html.escape(owner)}.</p><ul>{rows}</ul>"
        f'<form method="post" action="manifest">{hidden}'
        f'<p><label>GitHub App name <input name="name" maxlength="{NAME_LIMIT}" value="{name}">'
        '</label></p><button id="create">Create GitHub App</button></form>'
    )
    return HTMLResponse(page("Create GitHub App", body))


async def create_app(request: Request) -> Response:
    """POST .../settings/apps/manifest: make the App and send the person back with a code."""
    form = await form_of(request)
    try:
        manifest = _read(request, form.get("manifest", ""), name=form.get("name"))
    except ManifestError as exc:
        return _refusal(exc)
    context = context_of(request)
    organization = request.path_params.get("organization")
    app = RegisteredApp(
        id=context.state.number() + 100_000,
        name=manifest["name"],
        slug=slug_of(manifest["name"]),
        owner=organization or "octocat",
        owner_type="Organization" if organization else "User",
        description=manifest.get("description", ""),
        url=manifest["url"],
        hook_url=manifest.get("hook_attributes", {}).get("url"),
        permissions={"metadata": "read", **manifest.get("default_permissions", {})},
        events=list(manifest.get("default_events", [])),
        private_key_pem=new_key(),
        code=secrets.token_hex(20),
    )
    context.state.apps.append(app)
    context.state.save()
    target = manifest.get("redirect_url") or manifest["url"]
    query = {"code": app.code} | ({"state": form["state"]} if form.get("state") else {})
    mark = "&" if urlsplit(target).query else "?"
    return RedirectResponse(f"{target}{mark}{urlencode(query)}", status_code=302)


async def convert(request: Request) -> Response:
    """POST /app-manifests/{code}/conversions: the credentials, once and within an hour."""
    context, now = context_of(request), datetime.now(UTC)
    for app in context.state.apps:
        if app.take_code(request.path_params["code"], now):
            secret = {
                "client_secret": app.client_secret,
                "webhook_secret": app.webhook_secret,
                "pem": app.private_key_pem,
            }
            return answer(request, app.view(context.url) | secret, 201)
    raise not_found()


async def get_app(request: Request) -> Response:
    """GET /app."""
    return answer(request, require_app(request).view(context_of(request).url))


async def app_page(request: Request) -> Response:
    """Show an App and the button that installs it on all repositories."""
    app = _app(request)
    body = (
        f"<p>{html.escape(app.description)}</p>"
        f'<form method="post" action="/apps/{app.slug}/installations/new">'
        '<button id="install">Install on all repositories</button></form>'
    )
    return HTMLResponse(page(html.escape(app.name), body))


async def install(request: Request) -> Response:
    """POST /apps/{slug}/installations/new."""
    app, context = _app(request), context_of(request)
    if app.installation_id is None:
        app.installation_id = context.state.number() + 1_000
        context.state.save()
    return HTMLResponse(page(html.escape(app.name), "<p>Installed on all repositories.</p>"))


def _app(request: Request) -> RegisteredApp:
    for app in context_of(request).state.apps:
        if app.slug == request.path_params["slug"]:
            return app
    raise not_found()


def _read(request: Request, text: str, name: str | None = None) -> dict[str, Any]:
    context = context_of(request)
    known_apps = [context.credentials.app, *context.state.apps]
    return read_manifest(text, known_apps, on_internet=context.on_internet, name=name)


def _refusal(error: ManifestError) -> Response:
    problems = "".join(f"<li>Error {html.escape(problem)}</li>" for problem in error.problems)
    text = "<p>The configuration does not appear to be a valid GitHub App manifest.</p>"
    body = page("Invalid GitHub App configuration", f"{text}<ul>{problems}</ul>")
    return HTMLResponse(body, status_code=422)


_OWNERS = ("", "/organizations/{organization}")
ROUTES = [
    *(Route(f"{owner}/settings/apps/new", new_app, methods=["POST"]) for owner in _OWNERS),
    *(Route(f"{owner}/settings/apps/manifest", create_app, methods=["POST"]) for owner in _OWNERS),
    Route("/app-manifests/{code}/conversions", convert, methods=["POST"]),
    Route("/app", get_app),
    Route("/apps/{slug}", app_page),
    Route("/apps/{slug}/installations/new", app_page, methods=["GET"]),
    Route("/apps/{slug}/installations/new", install, methods=["POST"]),
]
