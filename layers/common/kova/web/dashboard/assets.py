"""The files that the pages load, under addresses that name their content."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from kova.web.static_pages import StaticPage

_HERE: Final = Path(__file__).parent / "assets"
_MEDIA_TYPES: Final = {
    "kova.css": "text/css; charset=utf-8",
    "kova.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
# The address changes with the content: what a browser has is never old.
_FOR_GOOD: Final = "public, max-age=31536000, immutable"
_DIGITS: Final = 16


@cache
def asset_address(name: str) -> str:
    """Return the path by which a page loads a file."""
    return f"/ui/assets/{_digest(name)}/{name}"


def read_asset(digest: str, name: str) -> StaticPage | None:
    """Return a file; None where there is none of that name and content."""
    # Nothing is cached by what a stranger names: it would stay for good.
    return _read(name) if name in _MEDIA_TYPES and digest == _digest(name) else None


@cache
def _read(name: str) -> StaticPage:
    headers = {"content-type": _MEDIA_TYPES[name], "cache-control": _FOR_GOOD}
    return StaticPage(body=(_HERE / name).read_bytes(), headers=headers)


@cache
def _digest(name: str) -> str:
    return hashlib.sha256((_HERE / name).read_bytes()).hexdigest()[:_DIGITS]
