"""The document of the API and a page to read and try it (web/static_pages.py)."""

from __future__ import annotations

from fastapi import APIRouter, Response

from kova.shared.exceptions import NotFoundError
from kova.web.responses import problems
from kova.web.static_pages import static_page

router = APIRouter(tags=["service"])


@router.get(
    "/openapi.json", response_class=Response, responses={200: {"content": {"application/json": {}}}}
)
async def openapi() -> Response:
    """Return this document."""
    return _answer("/openapi.json")


@router.get("/docs", response_class=Response, responses={200: {"content": {"text/html": {}}}})
async def docs() -> Response:
    """Show this document to people."""
    return _answer("/docs")


@router.get("/docs/{asset}", include_in_schema=False, responses=problems(404))
async def asset(asset: str) -> Response:
    """Return a file of the page."""
    return _answer(f"/docs/{asset}")


def _answer(path: str) -> Response:
    page = static_page(path)
    if page is None:
        raise NotFoundError
    return Response(page.body, status_code=page.status, headers=dict(page.headers))
