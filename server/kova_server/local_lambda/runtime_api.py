"""Lambda's Runtime API: functions ask it for events, and give it their answers.

Each environment has a port of its own, by which it is known.
See https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from kova_server.local_lambda.execution_environment import (
    ExecutionEnvironment,
    InvocationAnswer,
    function_arn,
)

_VERSION: Final = "/2018-06-01/runtime"
_SETTLE: Final = re.compile(_VERSION + r"/invocation/([0-9a-f-]{36})/(response|error)")
MOST_BYTES: Final = 6 * 1024 * 1024
"""The most that a function may answer, and that an event may have."""


def runtime_api(environment_at: Callable[[int], ExecutionEnvironment | None]) -> ASGIApp:
    """Return the application; `environment_at` tells which environment has a port."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        environment = environment_at(scope["server"][1])
        request = Request(scope, receive)
        if environment is None:
            answer = _refusal(410, "Runtime.Gone", "The environment has ended.")
        else:
            answer = await _serve(request, environment)
        await answer(scope, receive, send)

    return serve


async def _serve(request: Request, environment: ExecutionEnvironment) -> Response:
    path = request.url.path
    if (request.method, path) == ("GET", f"{_VERSION}/invocation/next"):
        return await _next(environment)
    if (request.method, path) == ("POST", f"{_VERSION}/init/error"):
        environment.fail_init(InvocationAnswer(body=await request.body(), is_error=True))
        return _accepted()
    match = _SETTLE.fullmatch(path)
    if match is None or request.method != "POST":
        return _refusal(404, "Runtime.NotFound", "There is no such call.")
    request_id, kind = match.groups()
    answer = InvocationAnswer(body=await request.body(), is_error=kind == "error")
    if len(answer.body) > MOST_BYTES:
        too_large = {"errorType": "Function.ResponseSizeTooLarge", "errorMessage": "Too large."}
        environment.settle(
            request_id, InvocationAnswer(body=json.dumps(too_large).encode(), is_error=True)
        )
        return _refusal(413, "RequestEntityTooLarge", "The answer has more than 6 MB.")
    if not environment.settle(request_id, answer):
        return _refusal(400, "InvalidRequestID", "The function has no such event.")
    return _accepted()


async def _next(environment: ExecutionEnvironment) -> Response:
    invocation = await environment.take_invocation()
    if invocation is None or invocation.deadline is None:
        return _refusal(410, "Runtime.Gone", "The environment has ended.")
    return Response(
        invocation.event,
        media_type="application/json",
        headers={
            "Lambda-Runtime-Aws-Request-Id": invocation.id,
            # Rounded down: a function never believes in more time than its time-out.
            "Lambda-Runtime-Deadline-Ms": str(int(invocation.deadline * 1_000)),
            "Lambda-Runtime-Invoked-Function-Arn": function_arn(environment.function.name),
            "Lambda-Runtime-Trace-Id": f"Root=1-00000000-{uuid.uuid4().hex[:24]};Sampled=0",
        },
    )


def _accepted() -> Response:
    return _json(202, {"status": "OK"})


def _refusal(status: int, kind: str, message: str) -> Response:
    return _json(status, {"errorType": kind, "errorMessage": message})


def _json(status: int, body: dict[str, Any]) -> Response:
    return Response(json.dumps(body), status_code=status, media_type="application/json")
