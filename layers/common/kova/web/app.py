"""The application factory: one FastAPI application from some routes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Final

from fastapi import APIRouter, FastAPI
from starlette.middleware.cors import CORSMiddleware

from kova.version import VERSION
from kova.web import problems
from kova.web.idempotency import KeepAnswer, ReplayedAnswer, replay
from kova.web.middleware.body_guard import BodyGuard
from kova.web.middleware.request_context import RequestContext
from kova.web.services import WebServices

_THREADS: Final = 32
_CORS_REQUEST_HEADERS: Final = [
    "Authorization", "X-API-Key", "Content-Type", "Idempotency-Key", "Prefer", "X-Request-Id"
]  # fmt: skip
_CORS_ANSWER_HEADERS: Final = [
    "X-Request-Id", "RateLimit", "RateLimit-Policy", "Retry-After", "Location",
    "Idempotency-Replayed",
]  # fmt: skip


def create_app(services: WebServices, routers: Sequence[APIRouter]) -> FastAPI:
    """Build the application around services, which it closes at shutdown."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        # Threads wait for SQS: the usual handful would let one that is slow hold up the others.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS))
        async with services.background():
            yield
        await services.close()

    app = FastAPI(
        title="Kova",
        version=VERSION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    problems.install(app)
    for router in routers:
        app.include_router(router)
    app.add_exception_handler(ReplayedAnswer, replay)
    # The last one added stands outside of the others.
    app.add_middleware(KeepAnswer, services=services)
    app.add_middleware(BodyGuard)
    if services.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=services.cors_origins,
            # Browsers send sessions only to origins that are named.
            allow_credentials="*" not in services.cors_origins,
            allow_methods=("GET", "POST", "PATCH", "DELETE"),
            allow_headers=_CORS_REQUEST_HEADERS,
            expose_headers=_CORS_ANSWER_HEADERS,
        )
    app.add_middleware(RequestContext, meter=services.meter)
    return app
