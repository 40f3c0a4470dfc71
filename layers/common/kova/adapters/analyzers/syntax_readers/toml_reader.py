"""TOML by the standard library."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Final

from kova.adapters.analyzers.serving import Hit

_MOST_DOTS: Final = 200
# What may have dots and is no key: strings and comments.
_NO_KEY: Final = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|#[^\n]*")
_PLACE: Final = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")


def check_toml(path: str, text: str) -> Iterator[Hit]:
    """Yield the first error of syntax.

    Raises:
        RecursionError: a key nests deeper than can be followed: tomllib takes the square of its
            parts, minutes for one that fills a file.
    """
    del path
    if any(_is_deep(line) for line in text.split("\n")):
        raise RecursionError
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        message = str(exc)
        place = _PLACE.search(message)
        line = text.count("\n") + 1
        column = 1
        if place and place[1]:
            line, column = int(place[1]), int(place[2])
        yield Hit(
            rule="invalid-toml",
            start=(line, column),
            end=(line, column + 1),
            message=f"This is not TOML: {_PLACE.sub('', message)}.",
        )


def _is_deep(line: str) -> bool:
    return line.count(".") > _MOST_DOTS and _NO_KEY.sub("", line).count(".") > _MOST_DOTS
