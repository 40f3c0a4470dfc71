"""GET /health: what is there and how quickly it answers."""

from __future__ import annotations

from fastapi import APIRouter, Response

from kova.version import VERSION
from kova.web.dependencies import Health
from kova.web.problem_table import RETRY_AFTER
from kova.web.schemas.service import CheckView, HealthView

router = APIRouter(tags=["service"])


@router.get("/health", responses={503: {"model": HealthView, "description": "Something is down."}})
async def health(services: Health, response: Response) -> HealthView:
    """Ask every dependency at once; 503 when one does not answer."""
    checks = await services.check_health.check()
    healthy = all(check.ok for check in checks.values())
    if not healthy:
        response.status_code = 503
        response.headers["Retry-After"] = RETRY_AFTER
    views = {name: CheckView.of(check) for name, check in checks.items()}
    app = services.app_state()
    if app is not None:
        # Said, and no reason for 503: Kova answers and scans without GitHub's answer of now.
        views["github_app"] = CheckView(status=app.status, latency_ms=0.0, detail=app.detail)
    return HealthView(status="ok" if healthy else "unavailable", version=VERSION, checks=views)
