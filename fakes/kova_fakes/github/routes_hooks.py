"""The App's own deliveries."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import httpx
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kova_fakes.github.apps import RegisteredApp
from kova_fakes.github.context import answer, context_of, require_app
from kova_fakes.github.errors import not_found
from kova_fakes.github.webhooks import deliver

_HIDDEN = {"payload", "target", "app_id"}


async def deliveries(request: Request) -> Response:
    """GET /app/hook/deliveries, newest first, with a cursor."""
    app = require_app(request)
    delivered = sorted(
        (delivery for delivery in context_of(request).state.deliveries if _is_of(app, delivery)),
        key=lambda delivery: -int(delivery["id"]),
    )
    cursor = request.query_params.get("cursor")
    if cursor is not None:
        delivered = [delivery for delivery in delivered if int(delivery["id"]) < int(cursor)]
    size = int(request.query_params.get("per_page", "30"))
    shown = [
        {key: delivery[key] for key in delivery.keys() - _HIDDEN} for delivery in delivered[:size]
    ]
    response = answer(request, shown)
    if len(delivered) > size:
        following = request.url.include_query_params(cursor=shown[-1]["id"])
        response.headers["link"] = f'<{following}>; rel="next"'
    return response


async def attempt(request: Request) -> Response:
    """POST /app/hook/deliveries/{id}/attempts: the same payload with the same GUID."""
    app, context = require_app(request), context_of(request)
    made_here = app if app in context.state.apps else None
    for delivery in context.state.deliveries:
        if str(delivery["id"]) == request.path_params["id"] and _is_of(app, delivery):
            # Whether somebody answers is no matter of this call.
            with suppress(httpx.TransportError):
                await run_in_threadpool(
                    deliver,
                    context,
                    app.hook_url or delivery["target"],
                    delivery["event"],
                    delivery["payload"],
                    guid=delivery["guid"],
                    app=made_here,
                )
            return answer(request, {}, 202)
    raise not_found()


def _is_of(app: RegisteredApp, delivery: dict[str, Any]) -> bool:
    return bool(delivery.get("app_id") == app.id)


ROUTES = [
    Route("/app/hook/deliveries", deliveries),
    Route("/app/hook/deliveries/{id}/attempts", attempt, methods=["POST"]),
]
