"""TOML by the standard library."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Final

from kova.adapters.analyzers.serving import Hit

_PLACE: Final = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")


def check_toml(path: str, text: str) -> Iterator[Hit]:
    """Yield the first error of syntax."""
    del path
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
