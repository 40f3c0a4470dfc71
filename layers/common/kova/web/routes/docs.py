"""The document of the API and a page to read and try it, without the outside network."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Response

from kova.shared.exceptions import NotFoundError
from kova.web.openapi import exported, problems

router = APIRouter(tags=["service"])
# The package carries Swagger UI's files; nothing of its code is used.
_PACKAGE: Final = "fastapi_swagger.resources"
_ASSETS: Final = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
_START: Final = """\
window.ui = SwaggerUIBundle({
  url: "openapi.json", dom_id: "#page", deepLinking: true, persistAuthorization: false,
});
"""
_PAGE: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Kova API</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" href="docs/favicon-32x32.png">
</head>
<body>
<div id="page"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_HEADERS: Final = {
    "Cache-Control": "public, max-age=300",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self';"
    " style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none';"
    " frame-ancestors 'none'",
}


@router.get(
    "/openapi.json", response_class=Response, responses={200: {"content": {"application/json": {}}}}
)
async def openapi() -> Response:
    """Return this document."""
    return Response(exported(), media_type="application/json", headers=_HEADERS)


@router.get("/", include_in_schema=False)
async def bare_address() -> Response:
    """Lead whoever opens the bare address to the page."""
    # Relative, as the page's own addresses: right behind a path prefix too.
    return Response(status_code=307, headers={"Location": "docs"})


@router.get("/docs", response_class=Response, responses={200: {"content": {"text/html": {}}}})
async def docs() -> Response:
    """Show this document to people."""
    return Response(_PAGE, media_type="text/html", headers=_HEADERS)


@router.get("/docs/{asset}", include_in_schema=False, responses=problems(404))
async def asset(asset: str) -> Response:
    """Return a file of the page."""
    if asset == "start.js":
        return Response(_START, media_type="text/javascript", headers=_HEADERS)
    kind = _ASSETS.get(asset)
    if kind is None:
        raise NotFoundError
    return Response(_file(asset), media_type=kind, headers=_HEADERS)


@cache
def _file(name: str) -> bytes:
    return (files(_PACKAGE) / name).read_bytes()
