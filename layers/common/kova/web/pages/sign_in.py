"""The pages of signing in; imported where a page is made, as redirects need no template."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from kova.access.person import PersonSession
from kova.web.dashboard.render import render
from kova.web.pages.provider import SignInProvider
from kova.web.pages.session import SIGN_IN_PATH, SignedIn
from kova.web.static_pages import StaticPage


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
    ways = [
        (provider.name, f"{provider.path}?next={quote(next_path, safe='/')}")
        for provider in providers
    ]
    return render(
        "sign_in.html",
        None,
        path=SIGN_IN_PATH,
        now=datetime.now(UTC),
        values={"title": "Sign in", "ways": ways, "problem": problem},
        status=status,
    )


def sessions_page(
    sessions: Sequence[PersonSession], signed_in: SignedIn, *, path: str, done: str
) -> StaticPage:
    """Return the page that lists a person's sessions, each with a form that ends it.

    Args:
        sessions: all of the person.
        signed_in: the person in the session of this browser.
        path: the page's own.
        done: the word of what the person has just done; empty for nothing.
    """
    return render(
        "sessions.html",
        signed_in,
        path=path,
        now=datetime.now(UTC),
        values={"title": "Where you are signed in", "sessions": sessions},
        done=done,
    )
