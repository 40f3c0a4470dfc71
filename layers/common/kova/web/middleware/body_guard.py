"""What a body may be: not too large, and JSON where JSON is asked for."""

from __future__ import annotations

import asyncio
import re
from dataclasses import asdict, dataclass
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kova.shared.json_text import parse_json
from kova.shared.limits import API_BYTES, FORM_BYTES, SARIF_BYTES, WEBHOOK_BYTES
from kova.web.problem_table import failure_answer

_WEBHOOKS: Final = "/webhooks/"
_SMALL_FORMS: Final = ("/setup", "/auth/")
_FORMS: Final = (*_SMALL_FORMS, "/ui/")
"""Pages for people, which post forms; a question may be as long as a call of the API."""
_FORM: Final = b"application/x-www-form-urlencoded"
_SARIF: Final = re.compile(r"/api/scans/[^/]+/sarif")


@dataclass(frozen=True, kw_only=True)
class _Refusal:
    status: int
    title: str
    reason: str
    detail: str


_TOO_LARGE: Final = _Refusal(
    status=413, title="Content Too Large", reason="too_large", detail="The body is too large."
)
_TOO_SLOW: Final = _Refusal(
    status=408,
    title="Request Timeout",
    reason="body_too_slow",
    detail="The body did not arrive in time.",
)
_NOT_JSON_TYPE: Final = _Refusal(
    status=415,
    title="Unsupported Media Type",
    reason="unsupported_media_type",
    detail="The body must be application/json.",
)
_NOT_FORM_TYPE: Final = _Refusal(
    status=415,
    title="Unsupported Media Type",
    reason="unsupported_media_type",
    detail="The body must be a form.",
)
_NOT_JSON: Final = _Refusal(
    status=400, title="Bad Request", reason="bad_json", detail="The body is not JSON."
)


class BodyGuard:
    """Refuses bodies by size, time, type and form before any route sees them."""

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        """Wrap an application; `seconds` is how long a body may take to arrive."""
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        webhook = scope["path"].startswith(_WEBHOOKS)
        limit = _limit_of(scope["path"])
        declared = headers.get(b"content-length", b"0")
        body = None
        if declared.isdigit() and int(declared) <= limit:
            try:
                async with asyncio.timeout(self._seconds):
                    body = await _read(receive, limit)
            except TimeoutError:
                await refuse(scope, send, **asdict(_TOO_SLOW))
                return
        if body is None:
            await refuse(scope, send, **asdict(_TOO_LARGE))
            return
        refusal = _refusal_of(scope["path"], headers, body) if body and not webhook else None
        if refusal is not None:
            await refuse(scope, send, **asdict(refusal))
            return
        await self._app(scope, _replay(body, receive), send)


def _limit_of(path: str) -> int:
    if path.startswith(_WEBHOOKS):
        return WEBHOOK_BYTES
    if path.startswith(_SMALL_FORMS):
        return FORM_BYTES
    return SARIF_BYTES if _SARIF.fullmatch(path) else API_BYTES


def _refusal_of(path: str, headers: dict[bytes, bytes], body: bytes) -> _Refusal | None:
    if path.startswith(_FORMS):
        return None if _kind(headers) == _FORM else _NOT_FORM_TYPE
    return _not_json(headers, body)


def _kind(headers: dict[bytes, bytes]) -> bytes:
    return headers.get(b"content-type", b"").split(b";")[0].strip().lower()


def _not_json(headers: dict[bytes, bytes], body: bytes) -> _Refusal | None:
    kind = _kind(headers)
    encoded = headers.get(b"content-encoding", b"identity").strip().lower() != b"identity"
    if encoded or not (kind == b"application/json" or kind.endswith(b"+json")):
        return _NOT_JSON_TYPE
    try:
        parse_json(body)
    except ValueError:
        return _NOT_JSON
    return None


def _replay(body: bytes, receive: Receive) -> Receive:
    is_replayed = False

    async def replay() -> Message:
        nonlocal is_replayed
        if is_replayed:
            return await receive()
        is_replayed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


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


async def refuse(
    scope: Scope, send: Send, *, status: int, title: str, reason: str, detail: str
) -> None:
    """Send a failure and close the connection: the body may not have been read."""
    body, headers = failure_answer(
        scope["path"],
        status=status,
        title=title,
        detail=detail,
        reason=reason,
        request_id=scope["state"]["request_id"],
        # Whoever still sends may lose what comes after the answer's last byte.
        headers={"connection": "close"},
    )
    pairs = [(name.lower().encode(), text.encode()) for name, text in headers.items()]
    pairs.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
