"""The page of a request that failed: what happened, what to do next, and its name in the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from kova.web.dashboard.filters import duration
from kova.web.dashboard.render import render
from kova.web.pages.session import SignedIn
from kova.web.static_pages import StaticPage


@dataclass(frozen=True, kw_only=True)
class FailureText:
    """What a status says to people: `what` where the error itself speaks to programs."""

    title: str
    what: str
    next_step: str


_TEXTS: Final[Mapping[int, FailureText]] = {
    400: FailureText(
        title="That did not work",
        what="The address or the form is not complete.",
        next_step="Go back, correct it, and send it again.",
    ),
    401: FailureText(
        title="Sign in first",
        what="Nobody is signed in in this browser.",
        next_step="Open the overview: it asks who you are.",
    ),
    403: FailureText(
        title="You may not do this",
        what="This is not for everybody.",
        next_step="Go back to the page before, or begin at the overview.",
    ),
    404: FailureText(
        title="There is nothing here",
        what="There is no such page.",
        next_step="Look at the address. It may also be something that is not shown to you.",
    ),
    405: FailureText(
        title="That did not work",
        what="This address is not a page by itself, or takes no form.",
        next_step="Begin at the overview.",
    ),
    408: FailureText(
        title="That took too long",
        what="What you sent did not arrive in time. Nothing was changed.",
        next_step="Go back, and send it again.",
    ),
    409: FailureText(
        title="That is not possible now",
        what="It has changed meanwhile.",
        next_step="Go back, and reload the page: somebody may have been quicker.",
    ),
    413: FailureText(
        title="That is too much",
        what="What you sent is larger than this page accepts. Nothing was changed.",
        next_step="Go back, shorten it, and send it again.",
    ),
    415: FailureText(
        title="That did not work",
        what="This address accepts forms of the pages alone. Nothing was changed.",
        next_step="Go back, reload the page, and send its form.",
    ),
    422: FailureText(
        title="That did not work",
        what="The address is not one of ours, or a field of the form is too long.",
        next_step="Begin at the overview.",
    ),
    429: FailureText(
        title="Too much at once",
        what="Too many requests came from you in a short time.",
        next_step="Wait, and try again then.",
    ),
    500: FailureText(
        title="Something went wrong",
        what="This is a fault in Kova, not in what you did. It may be done in part.",
        next_step="Reload the page. If it happens again, tell whoever runs this Kova.",
    ),
    503: FailureText(
        title="A part of Kova does not answer",
        what="Kova cannot reach what it needs.",
        next_step="Reload the page then. Nothing is lost that was saved before.",
    ),
}
_UNFINISHED: Final = 500
_FOR_PROGRAMS: Final = frozenset(
    {
        "bad_json", "body_too_slow", "error", "internal_error", "invalid_fields",
        "method_not_allowed", "rate_limited", "too_large", "unauthenticated",
        "unsupported_media_type",
    }
)  # fmt: skip
"""Reasons whose detail is written for who calls the API."""


def failure_page(
    *,
    path: str,
    status: int,
    detail: str,
    reason: str,
    request_id: str,
    retry_after: str | None,
    signed_in: SignedIn | None,
) -> StaticPage:
    """Return the page; `detail` may be empty, `retry_after` are the header's seconds."""
    text = _TEXTS.get(status) or _TEXTS[_UNFINISHED if status >= _UNFINISHED else 400]
    waiting = retry_after is not None and retry_after.isdecimal()
    return render(
        "problem.html",
        signed_in,
        path=path,
        now=datetime.now(UTC),
        values={
            "title": text.title,
            "status": status,
            "reason": reason,
            "detail": text.what if reason in _FOR_PROGRAMS or not detail else detail,
            "next_step": text.next_step,
            "wait": duration(int(retry_after or 0)) if waiting else None,
            "request_id": request_id,
        },
        status=status,
    )
