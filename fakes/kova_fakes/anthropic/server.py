"""Anthropic's routes: authentication, validation, and the script's answer."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from anthropic.types import message_create_params
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from kova_fakes.anthropic.messages import MessagesAnswer, schema_of
from kova_fakes.models.script import ModelReply, ReceivedCall, Script
from kova_fakes.models.streams import EventStream
from kova_fakes.models.validate import InvalidRequestError, adapter, check_schema, read
from kova_fakes.serving import serving

# The long-lived version, and the one that the installed SDK names.
VERSIONS = {"2023-06-01", "2026-10-21"}
_MESSAGES = adapter(message_create_params.MessageCreateParams)
_SECRETS = {"x-api-key", "authorization"}
_NUMBERS = itertools.count(1)
_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}


@dataclass(frozen=True, kw_only=True)
class FakeAnthropic:
    """The handle of a running fake, for tests. `url` is the base URL of a client."""

    url: str
    script: Script


def error(status: int, message: str, retry_after: str | None = None) -> Response:
    """Return an error as Anthropic writes it."""
    kind = _KINDS.get(status, "api_error")
    number = f"req_{next(_NUMBERS):024x}"
    body = {
        "type": "error",
        "error": {"type": kind, "message": message},
        "request_id": number,
    }
    headers = {"retry-after": retry_after} if retry_after else {}
    return JSONResponse(body, status, headers | {"request-id": number})


class _AnthropicRoutes:
    def __init__(self, script: Script) -> None:
        self._script = script

    async def _accept(self, request: Request, validator: Any) -> dict[str, Any] | Response:
        # Documented is x-api-key; the installed SDK sends a bearer token.
        credentials = request.headers.get("x-api-key"), request.headers.get("authorization")
        key = self._script.api_key
        if credentials not in {(key, None), (None, f"Bearer {key}")}:
            return error(401, "invalid x-api-key")
        if request.headers.get("anthropic-version") not in VERSIONS:
            return error(400, "anthropic-version: header is required")
        try:
            body = await read(request, validator)
            _check(body)
        except InvalidRequestError as exc:
            self._script.refused.append(str(exc))
            return error(400, str(exc))
        if not body["model"].startswith("claude-"):
            return error(404, f"model: {body['model'][:80]}")
        headers = {name: value for name, value in request.headers.items() if name not in _SECRETS}
        self._script.remember(ReceivedCall(path=request.url.path, body=body, headers=headers))
        return body

    async def messages(self, request: Request) -> Response:
        body = await self._accept(request, _MESSAGES)
        if isinstance(body, Response):
            return body
        reply = self._script.take()
        await asyncio.sleep(reply.seconds)
        failed = _failure(reply)
        if failed is not None:
            return failed
        answer = MessagesAnswer(body, reply)
        if body.get("stream"):
            return EventStream(answer.events(), reply, self._script)
        return JSONResponse(answer.message())


def application(script: Script) -> Starlette:
    """Return the fake."""

    async def unknown(_request: Request, _error: Exception) -> Response:
        return error(404, "Not found")

    server = _AnthropicRoutes(script)
    return Starlette(
        routes=[
            Route("/v1/messages", server.messages, methods=["POST"]),
        ],
        exception_handlers={404: unknown},
    )


def _failure(reply: ModelReply) -> Response | None:
    if reply.kind == "error":
        return error(reply.status, "It went wrong.", reply.retry_after)
    if reply.kind == "html":
        return HTMLResponse("<html><body>Bad gateway</body></html>", reply.status)
    if reply.kind == "bad_body":
        return JSONResponse({"hello": "world"})
    return None


def _check(body: dict[str, Any]) -> None:
    """Check limits that the types do not express.

    Raises:
        InvalidRequestError: a value exceeds its limit.
    """
    if body.get("max_tokens", 1) < 1:
        raise InvalidRequestError("max_tokens: must be greater than or equal to 1")
    if not body["messages"]:
        raise InvalidRequestError("messages: at least one message is required")
    if body["messages"][-1]["role"] != "user":
        raise InvalidRequestError("This model does not support assistant message prefill.")
    if any(not message["content"] for message in body["messages"]):
        raise InvalidRequestError("messages: text content blocks must be non-empty")
    schema = schema_of(body)
    if schema is not None:
        check_schema(schema)


@contextmanager
def serve_anthropic(api_key: str = "sk-ant-fake-0123456789") -> Iterator[FakeAnthropic]:
    """Serve the fake on the loopback."""
    script = Script(api_key=api_key)
    with serving(application(script)) as url:
        yield FakeAnthropic(url=url, script=script)
