"""What a body may be, by the path that it is sent to: its size, its kind, its JSON."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final

from starlette.requests import Request

from kova.shared.json_text import parse_json
from kova.shared.limits import API_BYTES, FORM_BYTES, SARIF_BYTES, WEBHOOK_BYTES
from kova.web.body_errors import BadJsonError, BodyKindError, FormKindError

_WEBHOOKS: Final = "/webhooks/"
_SMALL_FORMS: Final = ("/setup", "/auth/")
_FORMS: Final = (*_SMALL_FORMS, "/ui/")
"""Pages for people, which post forms; a question may be as long as a call of the API."""
_FORM: Final = b"application/x-www-form-urlencoded"
_SARIF: Final = re.compile(r"/api/scans/[^/]+/sarif")
_SHORT_BYTES: Final = 16 * 1024
"""So much JSON is parsed sooner than a thread begins."""


def limit_of(path: str) -> int:
    """Return how many bytes a body to this path may have."""
    if path.startswith(_WEBHOOKS):
        return WEBHOOK_BYTES
    if path.startswith(_SMALL_FORMS):
        return FORM_BYTES
    return SARIF_BYTES if _SARIF.fullmatch(path) else API_BYTES


def require_kind(path: str, headers: dict[bytes, bytes]) -> None:
    """Check the media type of a body that is not empty; webhooks look at it themselves.

    Raises:
        BodyKindError: the path takes another kind, or the body is compressed.
    """
    if path.startswith(_WEBHOOKS):
        return
    kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
    if path.startswith(_FORMS):
        if kind != _FORM:
            raise FormKindError
        return
    encoded = headers.get(b"content-encoding", b"identity").strip().lower() != b"identity"
    if encoded or not (kind == b"application/json" or kind.endswith(b"+json")):
        raise BodyKindError


async def read_body(request: Request) -> bytearray:
    """Return the whole body, put together as it arrives.

    To join 25 MB at the end would hold the event loop for longer than most requests take, and
    hold them twice; in a thread, each thread's own heap would keep as much afterwards.

    Raises:
        BodyRefusedError: the body is not taken (web/middleware/body_guard.py).
    """
    body = bytearray()
    async for part in request.stream():
        body += part
    return body


async def parse_body(body: bytes) -> Any:
    """Return the JSON of a body; a long one is parsed in a thread.

    Raises:
        BadJsonError: it is no JSON within the limits of parse_json.
    """
    try:
        if len(body) <= _SHORT_BYTES:
            return parse_json(body)
        return await asyncio.to_thread(parse_json, body)
    except ValueError as exc:
        raise BadJsonError from exc
