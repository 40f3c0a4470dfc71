"""Idempotency-Key on every POST: a dependency claims, the middleware keeps the answer."""

from __future__ import annotations

import base64
import hmac
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Final, cast

from fastapi import Header, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kova.access.idempotency import (
    KEY_PATTERN,
    IdempotencyClaim,
    IdempotentRequest,
    StoredAnswer,
    hash_request,
    parse_key,
)
from kova.shared.exceptions import UnavailableError
from kova.web.services import AccessServices

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

_LOG = logging.getLogger("kova.web")
_KEPT_HEADERS: Final = frozenset({b"content-type", b"location"})
# Not listed with each operation but once, as a component (web/openapi.py): tools that make calls
# from the document would otherwise repeat one key with other bodies, which is refused by contract.
IdempotencyHeader = Annotated[
    str | None, Header(alias="Idempotency-Key", pattern=KEY_PATTERN, include_in_schema=False)
]


class ReplayedAnswer(Exception):  # noqa: N818 (no error: it ends the handling of a request)
    """The request was answered before."""

    def __init__(self, answer: StoredAnswer) -> None:
        """Record the first answer."""
        super().__init__("answered before")
        self.answer = answer


async def begin(request: Request, key_id: str, secret: str, header: str | None) -> None:
    """Claim an authenticated request by its Idempotency-Key, if it has one.

    Args:
        request: the request.
        key_id: the API key that it presented.
        secret: that key's own text, which closes and opens the kept answer.
        header: the Idempotency-Key.

    Raises:
        ReplayedAnswer: it was answered before.
        InvalidInputError: the header is malformed.
        IdempotencyError: the key stands for another request.
        IdempotencyInProgressError: the first request is still not answered.
    """
    if header is None:
        return
    access: AccessServices = request.app.state.roots["access"]
    claim = await access.answer_once.begin(
        IdempotentRequest(
            api_key_id=key_id,
            operation=f"{request.method} {request.url.path}"[:500],
            key=parse_key(header),
            request_hash=hash_request(request.scope["query_string"], await request.body()),
        )
    )
    box = _box(secret)
    if claim.answer is not None:
        raise ReplayedAnswer(replace(claim.answer, body=box.decrypt(claim.answer.body)))
    request.state.idempotency = claim
    request.state.idempotency_box = box


def _box(secret: str) -> Fernet:
    """Return what keeps answers closed: an answer may hold a new key, which nobody stores.

    Only the caller's own key opens it again; of that one the database has a hash.
    """
    from cryptography.fernet import Fernet  # Only for requests that have such a key.

    digest = hmac.digest(secret.encode(), b"kova: kept answers", "sha256")
    return Fernet(base64.urlsafe_b64encode(digest))


def claim_id(request: Request) -> str | None:
    """Return the id by which the request's work can be named: the same at every attempt."""
    claim: IdempotencyClaim | None = getattr(request.state, "idempotency", None)
    return claim.id if claim else None


async def replay(_request: Request, again: Exception) -> Response:
    """Answer as the first time."""
    assert isinstance(again, ReplayedAnswer)
    headers = {**again.answer.headers, "Idempotency-Replayed": "true"}
    return Response(again.answer.body, status_code=again.answer.status, headers=headers)


class KeepAnswer:
    """Keeps the answer of a claimed request before the client sees it."""

    def __init__(self, app: ASGIApp, roots: Mapping[str, object]) -> None:
        """Wrap an application that has these capabilities."""
        self._app = app
        self._roots = roots

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        messages: list[Message] = []

        async def hold(message: Message) -> None:
            if _is_stream(message):
                await self._end(scope, None)  # A stream is not kept: asked again, it runs again.
            if scope["state"].get("idempotency") is None:
                await send(message)
            else:
                messages.append(message)

        try:
            await self._app(scope, receive, hold)
        finally:
            await self._end(scope, _answer(messages))
        for message in messages:
            await send(message)

    async def _end(self, scope: Scope, answer: StoredAnswer | None) -> None:
        claim: IdempotencyClaim | None = scope["state"].pop("idempotency", None)
        if claim is None:
            return
        if answer is not None:
            box: Fernet = scope["state"]["idempotency_box"]
            answer = replace(answer, body=box.encrypt(answer.body))
        try:
            access = cast("AccessServices", self._roots["access"])
            await access.answer_once.end(claim, answer)
        except UnavailableError as exc:
            # The work is done and named by the claim: a repetition finds it.
            _LOG.warning("answer not kept", extra={"reason": exc.reason})


def _is_stream(message: Message) -> bool:
    headers: dict[bytes, bytes] = dict(message.get("headers", ()))
    return headers.get(b"content-type", b"").startswith(b"text/event-stream")


def _answer(messages: list[Message]) -> StoredAnswer | None:
    if not messages or messages[-1].get("more_body"):
        return None
    headers = {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in messages[0]["headers"]
        if name.lower() in _KEPT_HEADERS
    }
    body = b"".join(message.get("body", b"") for message in messages[1:])
    return StoredAnswer(status=messages[0]["status"], headers=headers, body=body)
