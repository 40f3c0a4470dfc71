"""Which names of a repository's files may become names on this machine."""

from __future__ import annotations

import re
from typing import Final

PATH_BYTES: Final = 4_096
NAME_BYTES: Final = 255
DEPTH: Final = 60

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\\\ud800-\udfff]")
# The names that git itself refuses, also in the spellings of other file systems.
_REFUSED: Final = frozenset({"", ".", "..", ".git", "git~1"})


def unsafe_reason(path: str) -> str | None:
    """Say why a path of a tree may not be used, None if it may."""
    if not path or path.startswith("/") or _CONTROL.search(path):
        return "unsafe_path"
    encoded = path.encode()
    if len(encoded) > PATH_BYTES or max(map(len, encoded.split(b"/"))) > NAME_BYTES:
        return "unsafe_path"
    if not _REFUSED.isdisjoint(path.lower().split("/")):
        return "unsafe_path"
    return "too_deep" if depth(path) > DEPTH else None


def depth(path: str) -> int:
    """Return how many folders a path goes down."""
    return path.count("/")
