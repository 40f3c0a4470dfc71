"""What people ask for in a chat: a command, a mention, a link, a button."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Final

from kova.shared.repository import FULL_NAME_PATTERN

TEXT_LIMIT: Final = 4_000
_FULL_NAME: Final = re.compile(FULL_NAME_PATTERN)
_VERB: Final = re.compile(r"\s*([A-Za-z]{1,20})(?=\s|$)(.*)", re.DOTALL)


class ChatVerb(enum.StrEnum):
    """The commands; anything else is answered with their list."""

    SCAN = "scan"
    STATUS = "status"
    ASK = "ask"
    FIX = "fix"
    IGNORE = "ignore"
    HELP = "help"


class ChatKind(enum.StrEnum):
    """How it was asked for."""

    COMMAND = "command"
    MENTION = "mention"
    LINKS = "links"
    PUBLISH = "publish"
    IGNORE = "ignore"


@dataclass(frozen=True, kw_only=True)
class ChatJob:
    """One thing that one person asked for.

    Attributes:
        id: the same for every delivery of it.
        team: the workspace of the person.
        user: the person.
        text: the command, the question, or the reason; several links one a line.
        thread: the message to answer to, or the first of its thread.
        message: the message whose button was pressed, or that has the links.
        target: the id of the fix or the error.
        response_url: where an answer for this person alone goes.
    """

    id: str
    kind: ChatKind
    team: str
    user: str
    channel: str = ""
    text: str = ""
    thread: str = ""
    message: str = ""
    target: str = ""
    response_url: str = ""


def parse_verb(text: str) -> tuple[ChatVerb, str]:
    """Return the command and what is behind it; help where it is none."""
    match = _VERB.match(text)
    if match is None or match[1].lower() not in set(ChatVerb):
        return ChatVerb.HELP, ""
    return ChatVerb(match[1].lower()), match[2].strip()


def split_repository(text: str) -> tuple[str | None, str]:
    """Return the repository that a text begins with, and the rest."""
    first, _, rest = text.partition(" ")
    return (first, rest.strip()) if _FULL_NAME.fullmatch(first) else (None, text)
