"""Bodies are read when a route asks for them: within a size, a time and a share of the memory."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kova.shared.exceptions import KovaError
from kova.web.body_errors import (
    BodyBusyError,
    BodyCutError,
    BodyFramingError,
    BodyRefusedError,
    BodyTooLargeError,
    BodyTooSlowError,
)
from kova.web.problem_table import describe, failure_answer
from kova.web.request_body import limit_of, require_kind

_FREE_BYTES: Final = 256 * 1024
"""A body up to this size takes no slot."""
_SLOTS: Final = 2
_LEFT_OVER_SECONDS: Final = 2.0
_MOST_DROPPED: Final = 32_000_000
CALLER_IS_KNOWN: Final = "caller_is_known"
"""Member of a request's state: true from the moment at which its key was found valid."""


class BodyGuard:
    """Gives the application a body in parts, and refuses one that is too much.

    Nothing is read before a route asks: who calls is checked first. Large bodies wait for one of
    few slots, those of callers with a key for others than those of strangers, so that nobody fills
    the memory by opening connections.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        """Wrap an application; `seconds` is how long a body may take to arrive."""
        self._app = app
        self._seconds = seconds
        self._callers = asyncio.Semaphore(_SLOTS)
        self._strangers = asyncio.Semaphore(_SLOTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(self, scope, receive, self._seconds)
        try:
            body.check_declared()
        except BodyRefusedError as exc:
            await body.drop_rest()
            await refuse(scope, send, exc)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and not await body.drop_rest():
                message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
            await send(message)

        try:
            await self._app(scope, body.receive, answer)
        finally:
            body.close()

    def slots_of(self, scope: Scope) -> asyncio.Semaphore:
        """Return the slots that a request's body may take one of."""
        known = scope.get("state", {}).get(CALLER_IS_KNOWN, False)
        return self._callers if known else self._strangers


class _Body:
    """The body of one request, as far as it was asked for."""

    def __init__(self, guard: BodyGuard, scope: Scope, receive: Receive, seconds: float) -> None:
        self._guard = guard
        self._scope = scope
        self._receive = receive
        self._seconds = seconds
        self._headers: dict[bytes, bytes] = dict(scope["headers"])
        self._limit = limit_of(scope["path"])
        self._deadline: float | None = None
        self._size = 0
        self._slot: asyncio.Semaphore | None = None
        self._is_over = not self._has_body()
        self._is_slow = False

    def check_declared(self) -> None:
        """Check what the head says of the body.

        Raises:
            BodyTooLargeError: its length is too large, or no number.
            BodyFramingError: it says twice where the body ends, as who smuggles requests does (RFC
                9112, section 6.1).
        """
        if {b"content-length", b"transfer-encoding"} <= self._headers.keys():
            raise BodyFramingError
        declared = self._headers.get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > self._limit:
            raise BodyTooLargeError

    async def receive(self) -> Message:
        """Return the next part; after the last one, what the server tells of the connection.

        Raises:
            BodyRefusedError: the body is too large, too slow, cut, of another kind than the path
                takes, or too many large ones arrive at this moment.
        """
        if self._is_over:
            return await self._receive()
        return await self._receive_part()

    async def drop_rest(self) -> bool:
        """Read what nobody asked for, and keep nothing of it.

        Whoever still sends when the connection is closed may lose the answer.

        Returns:
            False where more is left than is waited for: then the connection has to end.
        """
        if self._is_over or self._is_slow:
            return self._is_over
        dropped = 0
        try:
            async with asyncio.timeout(_LEFT_OVER_SECONDS):
                while not self._is_over and dropped <= _MOST_DROPPED:
                    message = await self._receive()
                    dropped += len(message.get("body", b""))
                    self._is_over = not message.get("more_body", False)
        except TimeoutError:
            return False
        return self._is_over

    def close(self) -> None:
        """Give the slot back."""
        if self._slot is not None:
            self._slot.release()
            self._slot = None

    def _has_body(self) -> bool:
        return b"transfer-encoding" in self._headers or (
            self._headers.get(b"content-length", b"0") != b"0"
        )

    async def _receive_part(self) -> Message:
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().time() + self._seconds
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError as exc:
            self._is_slow = True
            raise BodyTooSlowError from exc
        if message["type"] == "http.disconnect":
            self._is_over = True
            # Whoever leaves is no failure of ours: Starlette's error would be a 500.
            raise BodyCutError
        await self._count(message)
        return message

    async def _count(self, message: Message) -> None:
        part, is_first = message.get("body", b""), not self._size
        self._size += len(part)
        self._is_over = not message.get("more_body", False)
        if part and is_first:
            require_kind(self._scope["path"], self._headers)
        if self._size > self._limit:
            raise BodyTooLargeError
        if self._size > _FREE_BYTES and self._slot is None:
            slots = self._guard.slots_of(self._scope)
            try:
                async with asyncio.timeout_at(self._deadline):
                    await slots.acquire()
            except TimeoutError as exc:
                raise BodyBusyError from exc
            self._slot = slots


async def refuse(scope: Scope, send: Send, error: KovaError) -> None:
    """Send a failure and close the connection: the body may not have been read."""
    status, title = describe(error)
    body, headers = failure_answer(
        scope["path"],
        status=status,
        title=title,
        detail=error.message,
        reason=error.reason,
        request_id=scope["state"]["request_id"],
        # Whoever still sends may lose what comes after the answer's last byte.
        headers={"connection": "close"},
    )
    pairs = [(name.lower().encode(), text.encode()) for name, text in headers.items()]
    pairs.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
