"""Text from outside, made safe to store and to show."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from datetime import timedelta
from typing import Final

# Postgres stores neither NUL nor lone surrogates; both arrive in file names, messages and JSON.
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
REPLACEMENT: Final = "\ufffd"


# Nobody sees these, or they turn the text around them: https://www.unicode.org/reports/tr36/.
_HIDDEN: Final = re.compile(
    "["
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # Controls, but for tab and line ends.
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # Bidirectional.
    "\u2028\u2029"  # Other ends of lines.
    "\u00ad\u034f\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f\ufe00-\ufe0f\ufeff\ufff0-\ufffb"
    "\u115f\u1160\u17b4\u17b5\u3164\uffa0"  # Letters that show nothing.
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "]"
)
_JOINERS: Final = frozenset("\u200c\u200d")
_JOINED: Final = frozenset({"Lo", "Mc", "Mn", "Sk", "So"})
_STYLES: Final = frozenset("\ufe0e\ufe0f")
_KEYCAP: Final = "\u20e3"


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


def hidden_characters(text: str) -> Counter[str]:
    """Count the characters of a text that nobody sees, or that turn the text around them."""
    return Counter(_HIDDEN.findall(text))


def reveal(text: str) -> str:
    """Return a text as pages and messages show it: what would be hidden is written as its code.

    A right-to-left override becomes `[U+202E]`. Joiners stay between letters of scripts that need
    them and between emoji. What `clean` replaces is replaced.
    """
    return _HIDDEN.sub(_reveal_character, clean(text))


def _reveal_character(match: re.Match[str]) -> str:
    character, text, place = match[0], match.string, match.start()
    before = unicodedata.category(text[place - 1]) if place else ""
    after = text[place + 1 : place + 2]
    if (
        character in _JOINERS
        and before in _JOINED
        and unicodedata.category(after or " ") in _JOINED
    ):
        return character
    if character in _STYLES and (before in {"Sm", "So"} or after == _KEYCAP):
        return character
    return f"[U+{ord(character):04X}]"
