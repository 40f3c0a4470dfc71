"""Text of models and of strangers, as it is posted where other programs read it.

What is posted must notify nobody, link into nobody's issues, load no picture, and begin no line
with what a program takes for a command: Kova's own, a merge queue's, a test runner's. An invisible
character (U+200B) breaks each of these; people read the text as it was.
"""

from __future__ import annotations

import re
from typing import Final

from kova.shared.text import reveal

_BREAK: Final = "\u200b"
_MENTION: Final = re.compile(r"(@)(?=[A-Za-z0-9])")
# What is broken, after its first group: each with what GitHub or a program would make of it.
_BROKEN: Final[tuple[re.Pattern[str], ...]] = (
    _MENTION,  # Or a commit of another repository.
    # An issue: `#12`, `owner/name#12`, `GH-12`.
    re.compile(r"(#)(?=[0-9])"),
    re.compile(r"\b(GH-)(?=[0-9])", re.IGNORECASE),
    # The address of one.
    re.compile(r"(/)(?=(?:issues|pull|pulls|discussions|commit|commits)/[A-Za-z0-9])"),
    # A picture, which its reader's browser would load.
    re.compile(r"(!)(?=\[)"),
    re.compile(r"(<)(?=(?:img|picture|source|svg|video|audio|iframe)\b)", re.IGNORECASE),
)
_LINE_BEGIN: Final = re.compile(
    # Programs skip what any space is, and a quotation's or a list's marks.
    r"(?:^|(?<=\r))((?:[^\S\r\n]|[>*+-])*+)(?=[/!][A-Za-z]"
    r"|(?:bors|retest|recheck|rerun|ok to test|test this|rebuild|merge)\b)",
    re.MULTILINE | re.IGNORECASE,
)


def mute_mentions(text: str) -> str:
    """Return a text that notifies nobody, wherever in it a name stands."""
    return _MENTION.sub(rf"\1{_BREAK}", text)


def quiet(text: str) -> str:
    """Return a text that does nothing where it is posted but be read."""
    quieted = reveal(text)
    for pattern in _BROKEN:
        quieted = pattern.sub(rf"\1{_BREAK}", quieted)
    return _LINE_BEGIN.sub(rf"\1{_BREAK}", quieted)
