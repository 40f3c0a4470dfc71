"""The HTTP API's listener: reads requests, invokes the routes' functions, and sends the answers."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from kova_server.local_lambda.execution_environment import InvocationAnswer
from kova_server.local_lambda.gateway import (
    MOST_BODY_BYTES,
    MOST_HEADER_BYTES,
    GatewayAnswer,
    GatewayCall,
    RouteMatch,
    gateway_answer,
    gateway_event,
    match_route,
    refusal,
)
from kova_server.local_lambda.invoker import Invoker, TooManyInvocationsError
from kova_server.local_lambda.runtime_api import MOST_BYTES
from kova_server.local_lambda.template import GatewayRoute, Throttle

INTEGRATION_SECONDS: Final = 30.0


class Front:
    """An ASGI application that answers as an HTTP API with these routes does."""

    def __init__(
        self,
        routes: Sequence[GatewayRoute],
        invoker: Invoker,
        *,
        clock: Callable[[], float] = time.monotonic,
        integration_seconds: float = INTEGRATION_SECONDS,
    ) -> None:
        """`clock` counts the seconds of the throttles."""
        self._routes = routes
        self._invoker = invoker
        self._integration_seconds = integration_seconds
        self._buckets = {
            route.key: TokenBucket(route.throttle, clock) for route in routes if route.throttle
        }
        self._tasks: set[asyncio.Task[InvocationAnswer]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; one whose client is gone is not answered."""
        try:
            answer = await self._answer(Request(scope, receive), str(uuid.uuid4()))
        except ClientDisconnect:
            return
        headers = [(name.encode(), text.encode("latin-1")) for name, text in answer.headers]
        headers.append((b"content-length", str(len(answer.body)).encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, request: Request, request_id: str) -> GatewayAnswer:
        scope = request.scope
        path = scope["raw_path"].partition(b"?")[0].decode("latin-1")
        match = match_route(self._routes, request.method, path)
        if match is None:
            return refusal(404, "Not Found", request_id)
        bucket = self._buckets.get(match.route.key)
        if bucket is not None and not bucket.take():
            return refusal(429, "Too Many Requests", request_id)
        headers = [
            (name.decode("latin-1"), text.decode("latin-1")) for name, text in scope["headers"]
        ]
        size = sum(len(name) + len(text) for name, text in headers) + len(path)
        if size + len(scope["query_string"]) > MOST_HEADER_BYTES:
            return refusal(431, "Request Header Fields Too Large", request_id)
        body = await _read_body(request)
        if body is None:
            return refusal(413, "Request Entity Too Large", request_id)
        call = GatewayCall(
            method=request.method,
            path=path,
            query=scope["query_string"].decode("latin-1"),
            headers=headers,
            body=body,
            client=request.client.host if request.client else "",
            port=scope["server"][1],
            request_id=request_id,
            protocol=f"HTTP/{scope['http_version']}",
        )
        return await self._invoke(match, call)

    async def _invoke(self, match: RouteMatch, call: GatewayCall) -> GatewayAnswer:
        event = json.dumps(gateway_event(match, call)).encode()
        if len(event) > MOST_BYTES:
            return refusal(413, "Request Entity Too Large", call.request_id)
        # The function goes on after API Gateway has given up waiting for it.
        task = asyncio.create_task(self._invoker.invoke(match.route.function, event))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        done, _ = await asyncio.wait({task}, timeout=self._integration_seconds)
        if not done:
            return refusal(503, "Service Unavailable", call.request_id)
        try:
            return gateway_answer(task.result(), call.request_id)
        except TooManyInvocationsError:
            return refusal(503, "Service Unavailable", call.request_id)


async def _read_body(request: Request) -> bytes | None:
    """Return the body; None for one that is too large, however long it is said to be."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > MOST_BODY_BYTES:
        return None
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BODY_BYTES:
            return None
    return bytes(body)


class TokenBucket:
    """Lets a burst of requests through, and so many a second."""

    def __init__(self, throttle: Throttle, clock: Callable[[], float]) -> None:
        self._throttle = throttle
        self._clock = clock
        self._tokens = throttle.burst
        self._at = clock()

    def take(self) -> bool:
        """True if a request may come now."""
        now = self._clock()
        gain = (now - self._at) * self._throttle.rate
        self._tokens, self._at = min(self._throttle.burst, self._tokens + gain), now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
