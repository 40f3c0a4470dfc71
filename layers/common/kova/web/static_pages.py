"""The API's document and a page to read and try it: files, answered without the outside network.

No web framework: the docs function answers with these alone (functions/docs).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent
# The package carries Swagger UI's files; nothing of its code is used, nor imported.
_SWAGGER: Final = "fastapi_swagger"
_HEADERS: Final = {
    "cache-control": "public, max-age=300",
    "content-security-policy": "default-src 'none'; script-src 'self'; connect-src 'self';"
    " style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none';"
    " frame-ancestors 'none'",
}
_MEDIA_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
}
_FILES: Final = {
    "/docs": "static/docs.html",
    "/openapi.json": "openapi.json",
    "/docs/start.js": "static/start.js",
}
_SWAGGER_FILES: Final = {
    f"/docs/{name}": name
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png")
}


@dataclass(frozen=True, kw_only=True)
class StaticPage:
    """An answer that is the same for everybody."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def static_page(path: str) -> StaticPage | None:
    """Return the answer to GET of a path, or None where no file stands there."""
    # Nothing is cached by what a stranger names: it would stay for good.
    return _read(path) if path in _FILES or path in _SWAGGER_FILES else None


@cache
def _read(path: str) -> StaticPage:
    if path in _FILES:
        return _page(_HERE / _FILES[path])
    return _page(_swagger() / _SWAGGER_FILES[path])


def _page(file: Path) -> StaticPage:
    media_type = _MEDIA_TYPES[file.suffix]
    return StaticPage(body=file.read_bytes(), headers={"content-type": media_type, **_HEADERS})


def _swagger() -> Path:
    spec = find_spec(_SWAGGER)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "resources"
