"""The App's own deliveries."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kova_fakes.github.auth import Caller
from kova_fakes.github.context import answer, caller_of, context_of
from kova_fakes.github.errors import ApiError, not_found
from kova_fakes.github.webhooks import deliver

_HIDDEN = {"payload", "target"}


async def deliveries(request: Request) -> Response:
    """GET /app/hook/deliveries, newest first, with a cursor."""
    if caller_of(request) is not Caller.APP:
        raise ApiError(401, "A JSON web token could not be decoded")
    known = sorted(context_of(request).state.deliveries, key=lambda one: -int(one["id"]))
    cursor = request.query_params.get("cursor")
    if cursor is not None:
        known = [one for one in known if str(one["id"]) < cursor or int(one["id"]) < int(cursor)]
    size = int(request.query_params.get("per_page", "30"))
    shown = [{key: one[key] for key in one.keys() - _HIDDEN} for one in known[:size]]
    response = answer(request, shown)
    if len(known) > size:
        following = request.url.include_query_params(cursor=shown[-1]["id"])
        response.headers["link"] = f'<{following}>; rel="next"'
    return response


async def attempt(request: Request) -> Response:
    """POST /app/hook/deliveries/{id}/attempts: the same payload with the same GUID."""
    if caller_of(request) is not Caller.APP:
        raise ApiError(401, "A JSON web token could not be decoded")
    context = context_of(request)
    for one in context.state.deliveries:
        if str(one["id"]) == request.path_params["id"]:
            await run_in_threadpool(
                deliver, context, one["target"], one["event"], one["payload"], guid=one["guid"]
            )
            return answer(request, {}, 202)
    raise not_found()


ROUTES = [
    Route("/app/hook/deliveries", deliveries),
    Route("/app/hook/deliveries/{id}/attempts", attempt, methods=["POST"]),
]
