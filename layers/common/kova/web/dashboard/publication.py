"""A fix on its way to a pull request: what the pages of the fix and of its error wait for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from fastapi import Query

from kova.fixes.fix import Fix, FixStatus

MOST_SECONDS: Final = 180
"""A worker needs some seconds; whoever waits longer is told so."""
PUBLISHING: Final = "publishing"
"""The word in the address of a page after its button was pressed."""
Since = Annotated[int, Query(ge=0, le=10_000_000_000)]


@dataclass(frozen=True, kw_only=True)
class Publication:
    """Whether somebody has asked for the pull request (`began`), and whether to wait for it.

    `since` is when the page began to wait, in seconds of Unix time.
    """

    began: bool = False
    waits: bool = False
    since: int = 0


def publication_of(fix: Fix | None, now: datetime, since: int | None) -> Publication:
    """Return what a page waits for; `since` is None where nobody has pressed its button."""
    if since is None or fix is None or fix.status is not FixStatus.VERIFIED:
        return Publication()
    waits = now.timestamp() - since < MOST_SECONDS
    return Publication(began=True, waits=waits, since=since)


def begin_of(done: str, now: datetime) -> int | None:
    """Return since when a page waits: from now, where its button was the last that was pressed."""
    return int(now.timestamp()) if done == PUBLISHING else None
