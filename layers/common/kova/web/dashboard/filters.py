"""How values read on a page: times, money, numbers, addresses."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final
from urllib.parse import quote, urlsplit

from markupsafe import Markup, escape

from kova.shared.text import reveal
from kova.web.dashboard.words import FAILED_STEPS

_MINUTE: Final = 60
_HOUR: Final = 3_600
_DAY: Final = 86_400
_WEEK: Final = 7 * _DAY
_CENT: Final = Decimal("0.01")
_SHORT_SHA: Final = 7


def time_tag(moment: datetime | None, now: datetime) -> Markup:
    """Return a `<time>` that reads as an age for a week, then as a date; a dash for None."""
    if moment is None:
        return Markup("—")
    moment = moment.astimezone(UTC)
    seconds = (now - moment).total_seconds()
    text = age(seconds) if abs(seconds) < _WEEK else f"{moment:%d %b %Y}"
    full = f"{moment:%d %b %Y, %H:%M} UTC"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        moment.isoformat(timespec="seconds"), full, text
    )


def exact_time_tag(moment: datetime | None) -> Markup:
    """Return a `<time>` with date and time; a dash for None."""
    if moment is None:
        return Markup("—")
    moment = moment.astimezone(UTC)
    return Markup('<time datetime="{}" data-exact>{}</time>').format(
        moment.isoformat(timespec="seconds"), f"{moment:%d %b %Y, %H:%M} UTC"
    )


def age(seconds: float) -> str:
    """Return how long ago, or in how long: `3 h ago`, `in 2 days`."""
    if abs(seconds) < _MINUTE:
        return "just now"
    text = duration(abs(seconds))
    return f"{text} ago" if seconds > 0 else f"in {text}"


def duration(seconds: float | None) -> str:
    """Return a length of time in its largest unit; a dash for None."""
    if seconds is None:
        return "—"
    if seconds < 1:
        return f"{round(seconds * 1_000)} ms"
    if seconds < _MINUTE:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    if seconds < _HOUR:
        return f"{int(seconds // _MINUTE)} min"
    if seconds < 2 * _DAY:
        return f"{int(seconds // _HOUR)} h"
    return f"{int(seconds // _DAY)} days"


def money(amount: Decimal | float | None) -> str:
    """Return US dollars: cents, and four digits below a cent."""
    if amount is None:
        return "—"
    amount = Decimal(amount)
    digits = 4 if 0 < amount < _CENT else 2
    return f"${amount:,.{digits}f}"


def number(count: int) -> str:
    """Return a number with its thousands apart."""
    return f"{count:,}"


def figure(value: float) -> str:
    """Return a number with its thousands apart, and as many decimals as it has, at most six."""
    if isinstance(value, int):
        return number(value)
    return f"{value:,.6f}".rstrip("0").rstrip(".")


def plural(count: int, word: str, words: str | None = None) -> str:
    """Return a number and its noun."""
    return f"{count:,} {word if count == 1 else words or word + 's'}"


def web_link(address: str | None) -> str | None:
    """Return an address that a link may have: http and https alone."""
    if not address:
        return None
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    return address if parts.scheme in {"http", "https"} and parts.netloc else None


def short_sha(commit: str | None) -> str:
    """Return the beginning of a commit's id; a dash for None."""
    return commit[:_SHORT_SHA] if commit else "—"


def path_of(text: str) -> str:
    """Return a path or name, encoded for an address; slashes stay."""
    return quote(text.encode("utf-8", "replace"), safe="/")


def inline_code(text: str) -> Markup:
    """Return text in which what stands between backquotes is code."""
    parts = reveal(text).split("`")
    if len(parts) % 2 == 0:
        return escape("`".join(parts))  # A single backquote opens nothing.
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if index % 2 else escape(part)
        for index, part in enumerate(parts)
    )


def breakable(text: str) -> Markup:
    """Return a path that may be broken after its slashes."""
    return Markup("/<wbr>").join(escape(part) for part in reveal(text).split("/"))


def rejection(text: str) -> str:
    """Return why a proof ended, with its last step in words: `step: detail` as it is recorded."""
    step, colon, detail = text.partition(": ")
    words = FAILED_STEPS.get(step)
    return f"{words}{colon}{detail}" if words else text


def unchanged(text: str) -> Markup:
    """Return a text for the field of a form, which sends it back as it is."""
    return escape(text)
