"""Bracket expressions of ignore patterns, read as git's wildmatch.c reads them.

https://git-scm.com/docs/gitignore and POSIX 2.13; git compares bytes, not characters.
"""

from __future__ import annotations

import string
from typing import Final

_SLASH: Final = ord("/")
_PRINTABLE: Final = frozenset(range(0x20, 0x7F))
_CLASSES: Final = {
    "alnum": frozenset((string.ascii_letters + string.digits).encode()),
    "alpha": frozenset(string.ascii_letters.encode()),
    "blank": frozenset(b" \t"),
    "cntrl": frozenset({*range(0x20), 0x7F}),
    "digit": frozenset(string.digits.encode()),
    "graph": _PRINTABLE - {0x20},
    "lower": frozenset(string.ascii_lowercase.encode()),
    "print": _PRINTABLE,
    "punct": frozenset(string.punctuation.encode()),
    "space": frozenset(b" \t\n\r"),
    "upper": frozenset(string.ascii_uppercase.encode()),
    "xdigit": frozenset(string.hexdigits.encode()),
}
_ALL: Final = frozenset(range(1, 256)) - {_SLASH}


class BracketError(ValueError):
    """A bracket expression has no end, or names a class that there is not: it matches nothing."""


def read_bracket(pattern: str, start: int) -> tuple[frozenset[int], int]:
    """Return the bytes that an expression matches, never a slash, and where it ends.

    Args:
        pattern: a pattern whose characters stand for bytes.
        start: the place after the opening bracket.

    Raises:
        BracketError: the pattern matches nothing.
    """
    place = start
    negated = pattern[place : place + 1] in {"!", "^"}
    place += negated
    members: set[int] = set()
    low: int | None = None  # The byte before, with which a range may begin.
    is_first = True
    while is_first or _at(pattern, place) != "]":
        is_first = False
        character = _at(pattern, place)
        if character == "-" and low is not None and pattern[place + 1 : place + 2] not in {"", "]"}:
            high, place = _read_member(pattern, place + 1)
            members.update(range(low, high + 1))
            low = None
        elif pattern.startswith("[:", place) and (end := _class_end(pattern, place)):
            members |= _class(pattern[place + 2 : end - 1])
            low, place = None, end + 1
        else:
            low, place = _read_member(pattern, place)
            members.add(low)
    return (_ALL - members if negated else _ALL & members), place + 1


def bracket_regex(members: frozenset[int]) -> str:
    """Return the regular expression that matches one character of these codes."""
    codes = sorted(members)
    # As ranges: a file may hold a hundred thousand expressions that each match all but a letter.
    firsts = [code for code in codes if code - 1 not in members]
    lasts = [code for code in codes if code + 1 not in members]
    ranges = zip(firsts, lasts, strict=True)
    return "[" + "".join(f"\\x{first:02x}-\\x{last:02x}" for first, last in ranges) + "]"


def _at(pattern: str, place: int) -> str:
    if place >= len(pattern):
        raise BracketError("A bracket expression has no end.")
    return pattern[place]


def _read_member(pattern: str, place: int) -> tuple[int, int]:
    if _at(pattern, place) == "\\":
        place += 1
    return ord(_at(pattern, place)), place + 1


def _class_end(pattern: str, place: int) -> int:
    """Return the place of the bracket that ends `[:class:]`; 0 where that is a plain `[`."""
    end = pattern.find("]", place + 2)
    if end < 0:
        raise BracketError("A bracket expression has no end.")
    return end if end > place + 2 and pattern[end - 1] == ":" else 0


def _class(name: str) -> frozenset[int]:
    if name not in _CLASSES:
        raise BracketError("There is no such class.")
    return _CLASSES[name]
