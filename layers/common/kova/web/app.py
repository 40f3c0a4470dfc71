"""The application factory: one FastAPI application from some routes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
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
from kova.web.services import Process

_THREADS: Final = 32
_CORS_REQUEST_HEADERS: Final = [
    "Authorization", "X-API-Key", "Content-Type", "Idempotency-Key", "Prefer", "X-Request-Id"
]  # fmt: skip
_CORS_ANSWER_HEADERS: Final = [
    "X-Request-Id", "RateLimit", "RateLimit-Policy", "Retry-After", "Location",
    "Idempotency-Replayed",
]  # fmt: skip


def create_app(
    process: Process, roots: Mapping[str, object], routers: Sequence[APIRouter]
) -> FastAPI:
    """Build the application.

    Args:
        process: what is around it; it is closed at shutdown.
        roots: by name, the capabilities that the routes ask for (web/services.py).
        routers: the routes.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        # Threads wait for SQS: the usual handful would let one that is slow hold up the others.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS))
        async with process.background():
            yield
        await process.close()

    app = FastAPI(
        title="Kova",
        version=VERSION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.process = process
    app.state.roots = roots
    app.state.routers = routers
    problems.install(app)
    for router in routers:
        app.include_router(router)
    app.add_exception_handler(ReplayedAnswer, replay)
    # The last one added stands outside of the others.
    app.add_middleware(KeepAnswer, roots=roots)
    app.add_middleware(BodyGuard, seconds=process.body_seconds)
    if process.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=process.cors_origins,
            # Browsers send sessions only to origins that are named.
            allow_credentials="*" not in process.cors_origins,
            allow_methods=("GET", "POST", "PATCH", "DELETE"),
            allow_headers=_CORS_REQUEST_HEADERS,
            expose_headers=_CORS_ANSWER_HEADERS,
        )
    if process.origin_secrets:
        # Only here: a start without a CDN in front does not pay for it.
        from kova.web.middleware.origin_guard import OriginGuard

        app.add_middleware(
            OriginGuard,
            secrets=process.origin_secrets,
            address_header=process.client_address_header,
        )
    app.add_middleware(RequestContext, meter=process.meter)
    return app
