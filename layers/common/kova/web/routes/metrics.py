"""GET /metrics: for Prometheus, by token, and for keys that may read."""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials

from kova.access.api_key import Scope
from kova.web.dependencies import Metrics, require_everything
from kova.web.keyed_route import BEARER, HEADER, admit_by_key
from kova.web.responses import problems

router = APIRouter(tags=["service"])
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@router.get(
    "/metrics",
    response_class=Response,
    responses=problems(401, 403, 429, 503)
    | {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
    _key: Annotated[str | None, Depends(HEADER)],
    services: Metrics,
) -> Response:
    """Return the sums of all processes and what is measured now, in Prometheus's text format."""
    token = services.metrics_token
    presented = bearer.credentials.encode("utf-8", "replace") if bearer else b""
    if not (token and hmac.compare_digest(presented, token.encode())):
        # The sums are about all repositories.
        require_everything(await admit_by_key(request, Scope.READ))
    return Response(await services.metrics_page(), media_type=CONTENT_TYPE)
