"""Commands in comments on issues and pull requests: `/kova VERB …` on the first line."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Final

_FIRST: Final = re.compile(r"\s{0,200}/kova(?:[ \t]+([A-Za-z]{1,20}))?(?![^\s])(.*)", re.DOTALL)
ARGUMENT_LIMIT: Final = 4_000
WRITERS: Final = frozenset({"admin", "maintain", "write"})


class Verb(enum.StrEnum):
    """The commands; anything else is answered with their list."""

    SCAN = "scan"
    FIX = "fix"
    EXPLAIN = "explain"
    ASK = "ask"
    REVIEW = "review"
    IGNORE = "ignore"
    HELP = "help"


@dataclass(frozen=True, kw_only=True)
class CommentJob:
    """One command of one comment. `author` is its writer's GitHub login."""

    repository: str
    installation_id: int | None
    number: int
    pull_request: bool
    comment_id: int
    author: str
    verb: Verb
    argument: str


def parse_comment(body: str) -> tuple[Verb, str] | None:
    """Return the verb and argument of a comment; None when it is not for Kova."""
    match = _FIRST.match(body)
    if match is None:
        return None
    word = (match[1] or "help").lower()
    verb = Verb(word) if word in set(Verb) else Verb.HELP
    return verb, match[2].strip()[:ARGUMENT_LIMIT]
