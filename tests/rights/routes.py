"""Every route of the server, and what it asks of whoever calls: a new route needs a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kova.access.api_key import Scope

OK = frozenset({200, 201, 202})


@dataclass(frozen=True, kw_only=True)
class Row:
    """What a route asks for.

    Attributes:
        path: with places: `{scan}`, `{error}`, `{fix}`, `{command}` and `{repository}` are of one
            repository, `{new_key}` is the prefix of a key made for the call.
        scope: of the key or the person that calls; None where nobody needs one.
        by: `key`, `session`, or `nobody` where no subject is asked for.
        about: `thing` of one repository, `list` of many repositories' things, `everything` where
            a restriction to some repositories is refused, or `nothing` of a repository's.
        body: JSON, with the same places.
        form: the fields of a page's form, with the same places.
        passes: the statuses of a call that is let through.
    """

    path: str
    scope: Scope | None = None
    by: str = "key"
    about: str = "nothing"
    body: Mapping[str, Any] | None = None
    form: Mapping[str, str] | None = None
    passes: frozenset[int] = OK


def public(path: str, *passes: int) -> Row:
    return Row(path=path, by="nobody", passes=frozenset(passes or {200}))


def thing(path: str, scope: Scope, **fields: Any) -> Row:
    return Row(path=path, scope=scope, about="thing", **fields)


def listing(path: str, scope: Scope = Scope.READ) -> Row:
    return Row(path=path, scope=scope, about="list")


def everything(path: str, scope: Scope = Scope.ADMIN, **fields: Any) -> Row:
    return Row(path=path, scope=scope, about="everything", **fields)


NO_LOG = {"version": "2.1.0", "runs": []}
IGNORE = {"status": "ignored", "reason": "known"}
NEW_KEY = {"name": "made", "scopes": ["read"]}
ASK = {"command": "why?", "repository": "{repository}"}


def page(path: str, scope: Scope = Scope.READ, about: str = "thing", **fields: Any) -> Row:
    return Row(path=path, scope=scope, by="session", about=about, **fields)


def form(path: str, scope: Scope = Scope.SCAN, about: str = "thing", **fields: str) -> Row:
    passes = frozenset({303})
    return Row(path=path, scope=scope, by="session", about=about, form=fields, passes=passes)


SETTINGS = {"auto_fix": "suggest", "fail_on": "high"}
PAGES: dict[str, Row] = {
    "GET /": page("/", about="list"),
    "GET /ui/assets/{digest}/{name}": public("/ui/assets/0/kova.css", 404),
    "GET /ui/errors": page("/ui/errors", about="list"),
    "GET /ui/errors/{error_id}": page("/ui/errors/{error}"),
    "GET /ui/errors/{error_id}/live": page("/ui/errors/{error}/live"),
    "POST /ui/errors/ignore": form("/ui/errors/ignore", id="{error}", reason="known"),
    "POST /ui/errors/{error_id}/ignore": form("/ui/errors/{error}/ignore", reason="known"),
    "POST /ui/errors/{error_id}/open": form("/ui/errors/{error}/open"),
    "POST /ui/views": form("/ui/views", Scope.READ, "nothing", name="mine"),
    "POST /ui/views/{view_id}/delete": Row(
        path="/ui/views/00000000-0000-4000-8000-000000000000/delete",
        scope=Scope.READ,
        by="session",
        form={},
        passes=frozenset({404}),
    ),
    "GET /ui/fixes": page("/ui/fixes", about="list"),
    "GET /ui/fixes/{fix_id}": page("/ui/fixes/{fix}"),
    "GET /ui/fixes/{fix_id}/live": page("/ui/fixes/{fix}/live"),
    "POST /ui/fixes/{fix_id}/publish": form("/ui/fixes/{fix}/publish"),
    "GET /ui/scans": page("/ui/scans", about="list"),
    "POST /ui/scans": form("/ui/scans", repository="{repository}"),
    "GET /ui/scans/{scan_id}": page("/ui/scans/{scan}"),
    "GET /ui/scans/{scan_id}/live": page("/ui/scans/{scan}/live"),
    "GET /ui/repositories": page("/ui/repositories", about="list"),
    "GET /ui/repositories/{owner}/{name}": page("/ui/repositories/{repository}"),
    "POST /ui/repositories/{owner}/{name}": form(
        "/ui/repositories/{repository}", Scope.ADMIN, **SETTINGS
    ),
    "GET /ui/usage": page("/ui/usage", about="list"),
    "GET /ui/reports/errors": page("/ui/reports/errors", about="list"),
    "GET /ui/reports/errors.csv": page("/ui/reports/errors.csv?status=any", about="list"),
    "GET /ui/reports/month": page("/ui/reports/month", about="list"),
    "GET /ui/reports/month.csv": page("/ui/reports/month.csv?month=2026-11", about="list"),
    # The Google of this server does not answer, and nobody comes back from it.
    "GET /ui/reports/google": page("/ui/reports/google", about="list", passes=frozenset({503})),
    "GET /ui/reports/google/callback": page(
        "/ui/reports/google/callback", about="nothing", passes=frozenset({403})
    ),
    "GET /ui/reports/google/done": page(
        "/ui/reports/google/done", about="nothing", passes=frozenset({404})
    ),
    "GET /ui/rules": page("/ui/rules", about="nothing"),
    "GET /ui/keys": page("/ui/keys", Scope.ADMIN, "everything"),
    "POST /ui/keys": page(
        "/ui/keys", Scope.ADMIN, "everything", form={"name": "made", "scope": "read"}
    ),
    "POST /ui/keys/{prefix}/revoke": form("/ui/keys/{new_key}/revoke", Scope.ADMIN, "everything"),
    "GET /ui/audit": page("/ui/audit", Scope.ADMIN, "everything"),
    "GET /ui/ask": page("/ui/ask", Scope.AI, "list"),
    "POST /ui/ask": page(
        "/ui/ask",
        Scope.AI,
        form={"question": "why?", "repository": "{repository}"},
        passes=frozenset({503}),
    ),
    # A member sees their own questions alone; the one of this test is a key's.
    "GET /ui/ask/{command_id}": page("/ui/ask/{command}", Scope.AI, passes=frozenset({200, 404})),
    "GET /ui/{rest:path}": page("/ui/none", about="nothing", passes=frozenset({404})),
}
ROUTES: dict[str, Row] = {
    "POST /api/scan": thing("/api/scan", Scope.SCAN, body={"repository": "{repository}"}),
    "GET /api/scans": listing("/api/scans"),
    "GET /api/scans/{scan_id}": thing("/api/scans/{scan}", Scope.READ),
    "GET /api/scans/{scan_id}/sarif": thing("/api/scans/{scan}/sarif", Scope.READ),
    # A log without a run is refused, after the scan was found.
    "POST /api/scans/{scan_id}/sarif": thing(
        "/api/scans/{scan}/sarif", Scope.SCAN, body=NO_LOG, passes=frozenset({200, 400, 409})
    ),
    "GET /api/errors": listing("/api/errors"),
    "GET /api/errors/{error_id}": thing("/api/errors/{error}", Scope.READ),
    "PATCH /api/errors/{error_id}": thing("/api/errors/{error}", Scope.SCAN, body=IGNORE),
    "GET /api/fixes": listing("/api/fixes"),
    "GET /api/fixes/{fix_id}": thing("/api/fixes/{fix}", Scope.READ),
    "POST /api/fixes/{fix_id}/publish": thing("/api/fixes/{fix}/publish", Scope.SCAN),
    "GET /api/repositories": listing("/api/repositories"),
    "GET /api/repositories/{owner}/{name}": thing("/api/repositories/{repository}", Scope.READ),
    "PATCH /api/repositories/{owner}/{name}": thing(
        "/api/repositories/{repository}", Scope.ADMIN, body={"auto_fix": "suggest"}
    ),
    "POST /api/keys": everything("/api/keys", body=NEW_KEY),
    "GET /api/keys": everything("/api/keys"),
    "DELETE /api/keys/{prefix}": everything("/api/keys/{new_key}"),
    "GET /api/audit": everything("/api/audit"),
    "GET /api/notices": everything("/api/notices"),
    "GET /api/usage": listing("/api/usage"),
    # No provider is configured: a command that is let through ends with 503.
    "POST /ai/command": thing("/ai/command", Scope.AI, body=ASK, passes=frozenset({503})),
    "GET /ai/commands": listing("/ai/commands", Scope.AI),
    "GET /ai/commands/{command_id}": thing("/ai/commands/{command}", Scope.AI),
    "GET /metrics": everything("/metrics", Scope.READ),
    # By signature: without one nobody passes, whoever it is.
    "POST /webhooks/github": public("/webhooks/github", 401),
    "POST /webhooks/slack": public("/webhooks/slack", 401),
    "GET /health": public("/health"),
    "GET /docs": public("/docs"),
    "GET /docs/{asset}": public("/docs/start.js"),
    "GET /openapi.json": public("/openapi.json"),
    # By a one-time token, and closed where a GitHub App is configured.
    "GET /setup": public("/setup", 404),
    "GET /setup/{name}": public("/setup/setup.css"),
    "GET /setup/callback": public("/setup/callback", 404),
    "POST /setup/session": public("/setup/session", 404),
    "POST /setup/app": public("/setup/app", 404),
    "GET /auth/sign-in": public("/auth/sign-in", 200, 303),
    "GET /auth/link": public("/auth/link?token=none", 404, 429),
    "POST /auth/link": Row(
        path="/auth/link", by="nobody", form={"token": "none"}, passes=frozenset({404, 429})
    ),
    # Google does not answer here, and no attempt was begun.
    "GET /auth/google/login": public("/auth/google/login", 503, 429),
    "GET /auth/google/callback": public("/auth/google/callback", 403, 429),
    # Without a provider there is no way to it.
    "GET /auth/github/login": public("/auth/github/login", 404),
    "GET /auth/github/callback": public("/auth/github/callback", 404),
    "GET /auth/sessions": Row(path="/auth/sessions", scope=Scope.READ, by="session"),
    # Nobody's session: that is told after everything else was checked.
    "POST /auth/sessions/{session_id}/revoke": Row(
        path="/auth/sessions/none/revoke",
        scope=Scope.READ,
        by="session",
        form={},
        passes=frozenset({404}),
    ),
    **PAGES,
    "POST /auth/logout": Row(
        path="/auth/logout", scope=Scope.READ, by="session", form={}, passes=frozenset({303})
    ),
}
