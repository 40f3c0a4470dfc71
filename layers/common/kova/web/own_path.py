"""Whether an address after sign-in is a path of our own: it comes from the address bar."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

HOME: Final = "/"
_MOST_CHARACTERS: Final = 2_000
_VISIBLE: Final = re.compile(r"/[\x21-\x5b\x5d-\x7e]*")
_HARMFUL: Final = re.compile(r"[\x00-\x1f\x7f\\]")
_DOTS: Final = re.compile(r"/\.{1,2}(?:/|$)")
_ROUNDS: Final = 4
"""How often a path may be encoded over and over."""


def own_path(text: str | None) -> str:
    r"""Return the text where it is a path on this site, HOME otherwise.

    A browser takes `//host` and `/\host` for other sites, and so may whatever stands between when
    it decodes a path; the pages of signing in themselves would lead in a circle.
    """
    if text is None or len(text) > _MOST_CHARACTERS or not _VISIBLE.fullmatch(text):
        return HOME
    path = text.partition("?")[0].partition("#")[0]
    for _ in range(_ROUNDS):
        if path.startswith("//") or _HARMFUL.search(path):
            return HOME
        if path == "/auth" or path.startswith("/auth/") or _DOTS.search(path):
            return HOME
        decoded = unquote(path, errors="replace")
        if decoded == path:
            return text
        path = decoded
    return HOME
