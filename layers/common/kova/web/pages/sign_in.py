"""The pages of signing in; imported where a page is made, as redirects need no template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from kova.access.person import Person, PersonSession
from kova.web.dashboard.render import render
from kova.web.pages.provider import SignInProvider
from kova.web.pages.session import SIGN_IN_PATH, SignedIn
from kova.web.static_pages import StaticPage

LINK_PATH: Final = "/auth/link"


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


def link_page(person: Person, *, token: str, next_path: str) -> StaticPage:
    """Return the page of a link: its button spends it.

    Args:
        person: whom the link signs in.
        token: the link's; the form carries it.
        next_path: a path of our own, where the person goes on afterwards.
    """
    page = render(
        "link.html",
        None,
        path=LINK_PATH,
        now=datetime.now(UTC),
        values={
            "title": "Sign in",
            "person": person,
            "action": LINK_PATH,
            "token": token,
            "next_path": next_path,
        },
    )
    # The token stands in this page's address: not even our own files are told of it. With
    # `no-referrer` a browser would hide the origin of the form, too.
    return replace(page, headers={**page.headers, "referrer-policy": "strict-origin"})


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
