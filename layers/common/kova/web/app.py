"""The application factory: one FastAPI application from some routes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI

from kova.version import VERSION
from kova.web import problems
from kova.web.middleware import BodyLimit, RequestContext
from kova.web.services import WebServices


def create_app(services: WebServices, routers: Sequence[APIRouter]) -> FastAPI:
    """Build the application around services, which it closes at shutdown."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await services.close()

    app = FastAPI(
        title="Kova",
        version=VERSION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
    )
    app.state.services = services
    problems.install(app)
    for router in routers:
        app.include_router(router)
    app.add_middleware(BodyLimit)
    app.add_middleware(RequestContext)
    return app
