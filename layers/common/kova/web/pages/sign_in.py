"""The pages of signing in."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from string import Template
from typing import Final
from urllib.parse import quote

from kova.access.person import PersonSession
from kova.web.static_pages import StaticPage

_PAGE: Final = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title - Kova</title>
</head>
<body>
<main>
<h1>$title</h1>
$content
</main>
</body>
</html>
""")
_HINT: Final = (
    "<p>On the machine that runs Kova, <code>kova up</code> prints a link that signs you in, and"
    " <code>kova sign-in</code> prints another one.</p>"
)


@dataclass(frozen=True, kw_only=True)
class SignInProvider:
    """A way to sign in: `path` is the page of ours where it begins."""

    name: str
    path: str


def sign_in_page(
    providers: Sequence[SignInProvider],
    *,
    next_path: str,
    problem: str | None = None,
    status: int = 200,
) -> StaticPage:
    """Return the page that says how to sign in.

    Args:
        providers: the configured ones.
        next_path: a path of our own, where the person goes on afterwards.
        problem: what went wrong at the last attempt, and what to do.
        status: the HTTP status.
    """
    parts = [] if problem is None else [f'<p role="alert">{html.escape(problem)}</p>']
    for provider in providers:
        address = html.escape(f"{provider.path}?next={quote(next_path, safe='/')}")
        parts.append(f'<p><a href="{address}">Sign in with {html.escape(provider.name)}</a></p>')
    if not providers:
        parts.append(_HINT)
    return _page("Sign in", parts, status)


def sessions_page(sessions: Sequence[PersonSession], *, current: str, csrf: str) -> StaticPage:
    """Return the page that lists a person's sessions, each with a form that ends it."""
    parts = ["<ul>"]
    for session in sessions:
        mark = " (this browser)" if session.id == current else ""
        begun = f"{session.created_at:%Y-%m-%d %H:%M} UTC"
        parts.append(
            f"<li>{html.escape(session.browser or 'a browser')}{mark}, since"
            f' <time datetime="{session.created_at.isoformat()}">{begun}</time>'
            f'<form method="post" action="/auth/sessions/{html.escape(session.id)}/revoke">'
            f'<input type="hidden" name="csrf_token" value="{html.escape(csrf)}">'
            "<button>End it</button></form></li>"
        )
    parts.append("</ul>")
    return _page("Where you are signed in", parts, 200)


def _page(title: str, parts: Sequence[str], status: int) -> StaticPage:
    body = _PAGE.substitute(title=title, content="\n".join(parts))
    headers = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": "default-src 'none'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'",
    }
    return StaticPage(status=status, body=body.encode("utf-8", "replace"), headers=headers)
