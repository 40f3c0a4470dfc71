"""JSON from outside, parsed strictly, and its members by their kind."""

from __future__ import annotations

import json
import re
from typing import Any, Final

DEPTH_LIMIT: Final = 200
MOST_VALUES: Final = 1_000_000
"""More values in one text take hundreds of megabytes; a SARIF log of 10 MB has half as many."""
_MAX_ID: Final = 2**63 - 1
# Possessive: a string of megabytes would otherwise be kept on the matcher's stack.
_BRACKETS_AND_STRINGS: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)


def parse_json(body: bytes | bytearray) -> Any:
    """Parse JSON strictly: UTF-8 only, no NaN, no nesting beyond DEPTH_LIMIT, few enough values.

    A byte order mark before it is ignored, as RFC 8259, section 8.1, lets a parser do: tools on
    Windows write it.

    Raises:
        ValueError: it is not such JSON.
    """
    check_values(body)
    if _too_deep(body):
        raise ValueError("nested too deeply")
    try:
        return json.loads(body.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc


def check_values(body: bytes | bytearray) -> None:
    """Refuse a text with too many values before it is parsed.

    Those inside of strings count too: prose has a comma in a hundred characters.

    Raises:
        ValueError: it may have more than MOST_VALUES.
    """
    if body.count(b",") + body.count(b"{") + body.count(b"[") > MOST_VALUES:
        raise ValueError("too many values")


def _too_deep(body: bytes | bytearray) -> bool:
    """Count the depth without recursion: the parser would need one stack frame a level."""
    if body.count(b"[") + body.count(b"{") <= DEPTH_LIMIT:
        return False
    depth = 0
    for match in _BRACKETS_AND_STRINGS.finditer(body):
        token = match[0]
        if token in (b"[", b"{"):
            depth += 1
            if depth > DEPTH_LIMIT:
                return True
        elif token in (b"]", b"}"):
            depth -= 1
    return False


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def as_object(value: Any) -> dict[str, Any]:
    """Return the value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """Return the value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """Return the value if it is a text, else an empty one."""
    return value if isinstance(value, str) else ""


def as_index(value: Any, length: int) -> int | None:
    """Return the value if it is the index of something in a list of this length, else None."""
    valid = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < length
    return value if valid else None


def as_id(value: Any) -> int | None:
    """Return the value if it is a positive number that Postgres can hold as bigint, else None."""
    valid = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _MAX_ID
    return value if valid else None
