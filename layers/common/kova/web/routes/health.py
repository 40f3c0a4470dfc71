"""GET /health: what is there and how quickly it answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import APIRouter, Response

from kova.domain.errors import KovaError
from kova.version import VERSION
from kova.web.dependencies import Services
from kova.web.schemas import CheckView, HealthView

router = APIRouter(tags=["service"])
_PATIENCE: Final = 1.5


@router.get("/health", responses={503: {"model": HealthView}})
async def health(services: Services, response: Response) -> HealthView:
    """Ask every dependency at once; 503 when one does not answer."""
    checks = services.checks()
    results = await asyncio.gather(*(_check(one) for one in checks.values()))
    healthy = all(result.status == "ok" for result in results)
    if not healthy:
        response.status_code = 503
        response.headers["Retry-After"] = "5"
    response.headers["Cache-Control"] = "no-store"
    return HealthView(
        status="ok" if healthy else "unavailable",
        version=VERSION,
        checks=dict(zip(checks, results, strict=True)),
    )


async def _check(ping: Callable[[], Awaitable[None]]) -> CheckView:
    started = time.perf_counter()
    detail = None
    try:
        async with asyncio.timeout(_PATIENCE):
            await ping()
    except KovaError as exc:
        detail = exc.reason
    except TimeoutError:
        detail = "timed_out"
    latency = round((time.perf_counter() - started) * 1000, 1)
    return CheckView(status="unavailable" if detail else "ok", latency_ms=latency, detail=detail)
