"""All routes of the pages, and what is no page."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Response

from kova.shared.exceptions import NotFoundError
from kova.web.dashboard import (
    errors,
    fixes,
    overview,
    repositories,
    scans,
    settings,
)
from kova.web.dashboard.assets import read_asset
from kova.web.dashboard.dependencies import Reader

assets_router = APIRouter(include_in_schema=False)
rest_router = APIRouter(include_in_schema=False)


@assets_router.get("/ui/assets/{digest}/{name}")
async def asset(digest: str, name: str) -> Response:
    """Return a file that the pages load."""
    page = read_asset(digest, name)
    if page is None:
        raise NotFoundError
    return Response(page.body, headers=dict(page.headers))


@rest_router.get("/ui/{rest:path}")
async def no_page(rest: str, reader: Reader) -> Response:
    """Say that there is no such page."""
    del rest, reader
    raise NotFoundError("There is no such page.")


ROUTERS: Final = (
    assets_router,
    overview.router,
    errors.router,
    fixes.router,
    scans.router,
    repositories.router,
    settings.router,
    rest_router,
)
