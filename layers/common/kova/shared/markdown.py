"""Text from repositories inside Markdown."""

from __future__ import annotations

from kova.shared.text import reveal, shorten


def code(text: str, limit: int = 200) -> str:
    """Return the text as a Markdown code span that it cannot end."""
    flat = " ".join(reveal(text).split()).replace("`", "\u02cb").replace("|", "\u2223")
    return f"`{shorten(flat, limit) or ' '}`"


def plural(number: int, noun: str) -> str:
    """Return `1 error`, `2 errors`, and for `fix` the plural `fixes`."""
    ending = "" if number == 1 else "es" if noun.endswith("x") else "s"
    return f"{number} {noun}{ending}"
