"""`python -m kova_server.embedded.sqs --port P --data DIR`."""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kova_server.embedded.sqs.actions import Actions
from kova_server.embedded.sqs.protocol import SqsError
from kova_server.embedded.sqs.store import Store

_JSON = "application/x-amz-json-1.0"


def application(store: Store, address: str) -> Starlette:
    """Return the ASGI application of one store."""
    actions = Actions(store, address)

    async def handle(request: Request) -> Response:
        try:
            return _answer(200, await _act(actions, request))
        except SqsError as exc:
            body = {"__type": f"com.amazonaws.sqs#{exc.name}", "message": exc.message}
            answer = _answer(400, body)
            answer.headers["x-amzn-query-error"] = f"{exc.query_name};Sender"
            return answer

    return Starlette(routes=[Route("/{path:path}", handle, methods=["POST"])])


async def _act(actions: Actions, request: Request) -> dict[str, Any]:
    if not request.headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 "):
        raise SqsError("MissingAuthenticationToken", "Missing Authentication Token")
    _, _, action = request.headers.get("x-amz-target", "").partition("AmazonSQS.")
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", action).lower()
    method = getattr(actions, name, None) if action.isalpha() else None
    if method is None or name.startswith("_"):
        raise SqsError("InvalidAction", f"The action {action[:80]} is not valid for this endpoint.")
    try:
        parameters = json.loads(await request.body() or b"{}")
    except (ValueError, RecursionError) as exc:
        raise SqsError("SerializationException", "The body is not JSON.") from exc
    if not isinstance(parameters, dict):
        raise SqsError("SerializationException", "The body is not a JSON object.")
    return await _run_while_connected(method(parameters), request)


async def _run_while_connected(
    action: Coroutine[Any, Any, dict[str, Any]], request: Request
) -> dict[str, Any]:
    """Return an action's answer; cancel it when its caller is gone.

    A receive that still waited would take a message for nobody and hide it.
    """
    answer = asyncio.create_task(action)
    watch = asyncio.create_task(_cancel_at_disconnect(answer, request))
    try:
        await asyncio.wait({answer})
    finally:
        watch.cancel()
    return {} if answer.cancelled() else answer.result()


async def _cancel_at_disconnect(task: asyncio.Task[Any], request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    task.cancel()


def _answer(status: int, body: dict[str, Any]) -> Response:
    return Response(json.dumps(body), status_code=status, media_type=_JSON)


def main() -> None:
    """Serve the local SQS until SIGTERM."""
    parser = argparse.ArgumentParser(prog="kova_server.embedded.sqs")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    store = Store(options.data)
    app = application(store, f"http://127.0.0.1:{options.port}")
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=options.port,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
