"""Around every request: an id in and out, a bound on the body, one log line."""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kova.domain.delivery import BODY_LIMIT as WEBHOOK_LIMIT
from kova.domain.sarif_import import BYTES_LIMIT as SARIF_LIMIT
from kova.web.logs import REQUEST_ID
from kova.web.problems import problem_body

_LOG = logging.getLogger("kova.access")
_REQUEST_ID: Final = re.compile(r"^[A-Za-z0-9._-]{1,64}$")
API_LIMIT: Final = 256 * 1024


class RequestContext:
    """Gives each request an id and tells how it ended."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _incoming_id(scope) or str(uuid.uuid4())
        scope.setdefault("state", {})["request_id"] = request_id
        token = REQUEST_ID.set(request_id)
        started = time.perf_counter()
        status = 500

        async def with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", []),
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        try:
            await self._app(scope, receive, with_id)
        finally:
            route = scope.get("route")
            _LOG.info(
                "request",
                extra={
                    "method": scope["method"],
                    "route": getattr(route, "path", None),
                    "status": status,
                    "duration_ms": round((time.perf_counter() - started) * 1000, 1),
                },
            )
            REQUEST_ID.reset(token)


def _limit_of(path: str) -> int:
    if path.startswith("/webhooks/"):
        return WEBHOOK_LIMIT
    return SARIF_LIMIT if path.startswith("/api/scans/") and path.endswith("/sarif") else API_LIMIT


class BodyLimit:
    """Refuses bodies that are too large, by their declared length and while they arrive."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = _limit_of(scope["path"])
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > limit:
            await _refuse(scope, send)
            return
        body = await _read(receive, limit)
        if body is None:
            await _refuse(scope, send)
            return
        given = False

        async def replay() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)


async def _read(receive: Receive, limit: int) -> bytes | None:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""  # The client has left.
        size += len(message.get("body", b""))
        if size > limit:
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _refuse(scope: Scope, send: Send) -> None:
    body = problem_body(
        status=413,
        title="Content Too Large",
        detail="The body is too large.",
        reason="too_large",
        request_id=scope["state"]["request_id"],
    )
    headers = [(b"content-type", b"application/problem+json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


def _incoming_id(scope: Scope) -> str | None:
    value = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
    return value if _REQUEST_ID.fullmatch(value) else None
