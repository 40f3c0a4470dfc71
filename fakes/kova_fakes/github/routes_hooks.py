"""The App's own deliveries."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kova_fakes.github.auth import CallerKind
from kova_fakes.github.context import answer, caller_of, context_of
from kova_fakes.github.errors import ApiError, not_found
from kova_fakes.github.webhooks import deliver

_HIDDEN = {"payload", "target"}


async def deliveries(request: Request) -> Response:
    """GET /app/hook/deliveries, newest first, with a cursor."""
    if caller_of(request) is not CallerKind.APP:
        raise ApiError(401, "A JSON web token could not be decoded")
    delivered = sorted(
        context_of(request).state.deliveries, key=lambda delivery: -int(delivery["id"])
    )
    cursor = request.query_params.get("cursor")
    if cursor is not None:
        delivered = [
            delivery
            for delivery in delivered
            if str(delivery["id"]) < cursor or int(delivery["id"]) < int(cursor)
        ]
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
    if caller_of(request) is not CallerKind.APP:
        raise ApiError(401, "A JSON web token could not be decoded")
    context = context_of(request)
    for delivery in context.state.deliveries:
        if str(delivery["id"]) == request.path_params["id"]:
            await run_in_threadpool(
                deliver,
                context,
                delivery["target"],
                delivery["event"],
                delivery["payload"],
                guid=delivery["guid"],
            )
            return answer(request, {}, 202)
    raise not_found()


ROUTES = [
    Route("/app/hook/deliveries", deliveries),
    Route("/app/hook/deliveries/{id}/attempts", attempt, methods=["POST"]),
]
