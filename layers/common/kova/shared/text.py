"""Text from outside, made safe to store and to show."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

# Postgres stores neither NUL nor lone surrogates; both arrive in file names, messages and JSON.
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
REPLACEMENT: Final = "\ufffd"


def clean(text: str) -> str:
    """Return the text with NUL and lone surrogates replaced by U+FFFD."""
    return _UNSTORABLE.sub(REPLACEMENT, text)


def shorten(text: str, limit: int) -> str:
    """Return at most `limit` characters of the text, the last one an ellipsis if it was longer."""
    return text if len(text) <= limit else text[: limit - 1] + "\u2026"


def visible(text: str) -> str:
    """Return the text with control characters escaped: a terminal would obey them."""
    return "".join(
        character if character.isprintable() else f"\\x{ord(character):02x}" for character in text
    )


def duration(span: timedelta) -> str:
    """Return a time in its largest unit that is not zero, such as `2 hours`."""
    seconds = max(round(span.total_seconds()), 0)
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            number = seconds // length
            return f"{number} {unit}{'s' * (number != 1)}"
    return f"{seconds} second{'s' * (seconds != 1)}"
