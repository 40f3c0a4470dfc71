"""Around every request: an id in and out, what the rate limit says, one log line."""

from __future__ import annotations

import logging
import time
import uuid
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kova.access.rate_limit import Verdict
from kova.shared.meter import Meter
from kova.web.headers import SECURITY_HEADERS, accepted_request_id
from kova.web.logs import REQUEST_ID

_LOG = logging.getLogger("kova.access")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECURITY: Final = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]


class RequestContext:
    """Gives each request an id, the answer its headers, and tells how it ended."""

    def __init__(self, app: ASGIApp, meter: Meter) -> None:
        """Wrap an application."""
        self._app = app
        self._meter = meter

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

        async def with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _completed(message.get("headers", []), scope)
            await send(message)

        try:
            await self._app(scope, receive, with_headers)
        finally:
            self._tell(scope, status, time.perf_counter() - started)
            REQUEST_ID.reset(token)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None)
        # Bounded: whatever a client sends as a method or a path is not a label.
        method = scope["method"] if scope["method"] in _METHODS else "other"
        labels = {"method": method, "route": route or "none"}
        self._meter.count("kova_http_requests_total", status=str(status), **labels)
        self._meter.observe("kova_http_request_duration_seconds", seconds, **labels)
        _LOG.info(
            "request",
            extra={
                "method": method,
                "route": route,
                "status": status,
                "duration_ms": round(seconds * 1000, 1),
            },
        )


def _completed(headers: list[tuple[bytes, bytes]], scope: Scope) -> list[tuple[bytes, bytes]]:
    present = {name.lower() for name, _ in headers}
    missing = [pair for pair in _SECURITY if pair[0] not in present]
    verdict: Verdict | None = scope["state"].get("rate_limit")
    own = [(b"x-request-id", scope["state"]["request_id"].encode())]
    return [*headers, *missing, *own, *(rate_limit_headers(verdict) if verdict else [])]


def rate_limit_headers(verdict: Verdict) -> list[tuple[bytes, bytes]]:
    """Return RateLimit and RateLimit-Policy.

    See https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
    """
    policy = verdict.policy
    return [
        (b"ratelimit-policy", f'"{policy.name}";q={policy.quota};w={policy.window}'.encode()),
        (
            b"ratelimit",
            f'"{policy.name}";r={verdict.remaining};t={verdict.reset_seconds}'.encode(),
        ),
    ]


def _incoming_id(scope: Scope) -> str | None:
    value = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
    return accepted_request_id(value)
