"""What a message says, in no chat's own form. Every text is plain: it may be hostile."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Final

from kova.shared.text import reveal, shorten

# An address and a mention are broken by a character of no width, as in comments on GitHub.
_LINKED: Final = re.compile(
    r"(?<=[A-Za-z])(?=://)|(?<=www)(?=\.)|(?<=@)(?=\w)|(?<=users)(?=/)", re.IGNORECASE
)
_BREAK: Final = "\u200b"
_LOOKALIKES: Final = str.maketrans({"<": "\u2039", ">": "\u203a", "&": "+"})


class Tone(enum.StrEnum):
    """How a message is marked at a glance."""

    CRITICAL = "critical"
    HIGH = "high"
    GOOD = "good"
    CALM = "calm"


class Act(enum.StrEnum):
    """What a button does."""

    PUBLISH = "publish"
    IGNORE = "ignore"


@dataclass(frozen=True, kw_only=True)
class Button:
    """A button that Kova acts on. `target` is the id of the fix or the error."""

    label: str
    act: Act
    target: str


@dataclass(frozen=True, kw_only=True)
class WebLink:
    """A link to a page of Kova's or of GitHub's; never one that a repository names."""

    label: str
    url: str


@dataclass(frozen=True, kw_only=True)
class PostRow:
    """A line of a list: what it is, and where."""

    text: str
    place: str = ""


@dataclass(frozen=True, kw_only=True)
class ChatPost:
    """One message.

    Attributes:
        title: one line.
        repository: `owner/name`, where it is about one.
        text: a paragraph.
        place: a file and a line.
        excerpt: code, or a diff.
        rows: a list; `more` says how many others there are.
        facts: short pairs of a name and a value.
        done: what was done about it, and by whom: then it has no buttons.
    """

    title: str
    tone: Tone = Tone.CALM
    repository: str | None = None
    text: str = ""
    place: str = ""
    excerpt: str = ""
    rows: tuple[PostRow, ...] = ()
    more: int = 0
    facts: tuple[tuple[str, str], ...] = ()
    links: tuple[WebLink, ...] = ()
    buttons: tuple[Button, ...] = ()
    done: str = ""


def mute(text: str) -> str:
    """Return a text in which no chat sees an address or a mention, and nothing is hidden."""
    return _LINKED.sub(_BREAK, reveal(text))


def plain_title(text: str, limit: int) -> str:
    """Return a title without any character that a chat reads as its own."""
    return shorten(" ".join(mute(text).translate(_LOOKALIKES).split()), limit) or "Kova"


def plain_name(text: str, limit: int) -> str:
    """Return a person's name, as part of a text that is muted where it is shown."""
    return shorten(" ".join(reveal(text).translate(_LOOKALIKES).split()), limit) or "Kova"
