"""OpenAI's routes: authentication, validation, and the script's answer."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
import math
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from openai.types import embedding_create_params
from openai.types.chat import completion_create_params
from openai.types.responses import response_create_params
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from kova_fakes.models.answers import tokens
from kova_fakes.models.script import ModelReply, ReceivedCall, Script
from kova_fakes.models.streams import EventStream
from kova_fakes.models.validate import InvalidRequestError, adapter, check_schema, read
from kova_fakes.openai import chat, responses
from kova_fakes.serving import serving

DIMENSIONS = 256
# https://platform.openai.com/docs/api-reference/embeddings/create
_INPUT_TOKENS = 8_192
_REQUEST_TOKENS = 300_000
_RESPONSES = adapter(response_create_params.ResponseCreateParams)
_CHAT = adapter(completion_create_params.CompletionCreateParams)
_EMBEDDINGS = adapter(embedding_create_params.EmbeddingCreateParams)
_NUMBERS = itertools.count(1)
MakeAnswer = Callable[[dict[str, Any], ModelReply], Response]


@dataclass(frozen=True, kw_only=True)
class FakeOpenAI:
    """The handle of a running fake, for tests. `url` is the base URL of a client."""

    url: str
    script: Script


def error(status: int, message: str, code: str | None, retry_after: str | None = None) -> Response:
    """Return an error as OpenAI writes it."""
    kind = "invalid_request_error" if status < 500 else "server_error"  # noqa: PLR2004
    body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    headers = {"retry-after": retry_after} if retry_after else {}
    return JSONResponse(body, status, headers | {"x-request-id": f"req_{next(_NUMBERS)}"})


def failure(reply: ModelReply) -> Response | None:
    """Return the answer of a reply that does not come from the model; otherwise None."""
    if reply.kind == "error":
        code = "rate_limit_exceeded" if reply.status == 429 else None  # noqa: PLR2004
        return error(reply.status, "It went wrong.", code, reply.retry_after)
    if reply.kind == "html":
        return HTMLResponse("<html><body>Bad gateway</body></html>", reply.status)
    if reply.kind == "bad_body":
        return JSONResponse({"hello": "world"})
    return None


class _OpenAIRoutes:
    def __init__(self, script: Script) -> None:
        self._script = script

    def endpoint(
        self, validator: Any, make: MakeAnswer
    ) -> Callable[[Request], Awaitable[Response]]:
        """Return a route that authorises, validates, records and answers a request."""

        async def call(request: Request) -> Response:
            if request.headers.get("authorization") != f"Bearer {self._script.api_key}":
                return error(401, "Incorrect API key provided.", "invalid_api_key")
            try:
                body = await read(request, validator)
                _check(body)
            except InvalidRequestError as exc:
                self._script.refused.append(str(exc))
                return error(400, str(exc), "invalid_value")
            if not body["model"].startswith(("gpt-", "text-embedding-", "local-")):
                return error(404, "The model does not exist.", "model_not_found")
            headers = {
                key: value for key, value in request.headers.items() if key != "authorization"
            }
            self._script.remember(ReceivedCall(path=request.url.path, body=body, headers=headers))
            reply = self._script.take()
            await asyncio.sleep(reply.seconds)
            return failure(reply) or make(body, reply)

        return call

    def respond(self, body: dict[str, Any], reply: ModelReply) -> Response:
        answer = responses.ResponsesAnswer(body, reply, responses.text_of(body, reply))
        if body.get("stream"):
            return EventStream(answer.events(), reply, self._script)
        return JSONResponse(answer.response())

    def complete(self, body: dict[str, Any], reply: ModelReply) -> Response:
        answer = chat.ChatAnswer(body, reply)
        if body.get("stream"):
            return EventStream(answer.events(), reply, self._script)
        return JSONResponse(answer.completion())


def application(script: Script, *, chat_only: bool = False) -> Starlette:
    """Return the fake; with `chat_only` it has no Responses API, as many local servers."""
    server = _OpenAIRoutes(script)
    complete = server.endpoint(_CHAT, server.complete)
    routes = [
        Route("/v1/chat/completions", complete, methods=["POST"]),
        Route("/v1/embeddings", server.endpoint(_EMBEDDINGS, embed), methods=["POST"]),
    ]
    if not chat_only:
        respond = server.endpoint(_RESPONSES, server.respond)
        routes.append(Route("/v1/responses", respond, methods=["POST"]))

    async def unknown(_request: Request, _error: Exception) -> Response:
        return error(404, "Unknown request URL.", None)

    return Starlette(routes=routes, exception_handlers={404: unknown})


def _check(body: dict[str, Any]) -> None:
    """Check limits that the types do not express.

    Raises:
        InvalidRequestError: a value exceeds its limit.
    """
    if "model" not in body:
        raise InvalidRequestError("you must provide a model parameter")
    limit = body.get("max_output_tokens", body.get("max_completion_tokens"))
    if limit is not None and limit < 16:  # noqa: PLR2004 (OpenAI's least)
        raise InvalidRequestError("expected a value >= 16")
    schema = responses.schema_of(body) or chat.schema_of(body)
    if schema is not None:
        check_schema(schema)


def embed(body: dict[str, Any], _reply: ModelReply) -> Response:
    """Return vectors of hashed words: texts with common words get similar vectors."""
    texts = [body["input"]] if isinstance(body["input"], str) else list(body["input"])
    if not texts or any(not text for text in texts):
        return error(400, "'input' cannot be an empty string.", "invalid_value")
    counted = [_max_tokens(text) for text in texts]
    if max(counted) > _INPUT_TOKENS:
        return error(400, "This model's maximum context length is 8192 tokens.", None)
    if sum(counted) > _REQUEST_TOKENS:
        return error(400, "max 300000 tokens per request", "max_tokens_per_request")
    size = body.get("dimensions") or DIMENSIONS
    vectors = [
        {"object": "embedding", "index": number, "embedding": _vector(text, size, body)}
        for number, text in enumerate(texts)
    ]
    used = sum(tokens(text) for text in texts)
    usage = {"prompt_tokens": used, "total_tokens": used}
    return JSONResponse({"object": "list", "data": vectors, "model": body["model"], "usage": usage})


def _max_tokens(text: str) -> int:
    """Return an upper bound of a text's tokens: one per byte outside ASCII."""
    octets = text.encode()
    plain = sum(octet < 128 for octet in octets)  # noqa: PLR2004 (ASCII)
    return plain // 4 + len(octets) - plain


def _vector(text: str, size: int, body: dict[str, Any]) -> list[float] | str:
    values = [0.0] * size
    for word in "".join(
        character if character.isalnum() else " " for character in text.lower()
    ).split():
        hashed = hashlib.sha256(word.encode()).digest()
        values[int.from_bytes(hashed[:4]) % size] += 1.0 if hashed[4] % 2 else -1.0
    norm = math.sqrt(sum(value * value for value in values)) or 1.0
    values = [value / norm for value in values]
    if body.get("encoding_format") == "base64":
        return base64.b64encode(struct.pack(f"<{size}f", *values)).decode()
    return values


@contextmanager
def serve_openai(
    api_key: str = "sk-fake-0123456789", *, chat_only: bool = False
) -> Iterator[FakeOpenAI]:
    """Serve the fake on the loopback."""
    script = Script(api_key=api_key)
    with serving(application(script, chat_only=chat_only)) as url:
        yield FakeOpenAI(url=f"{url}/v1", script=script)


__all__ = ["FakeOpenAI", "application", "serve_openai"]
