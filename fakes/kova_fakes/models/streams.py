"""Server-sent events, whole and broken off."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from kova_fakes.models.script import Reply, Script


class CutConnectionError(Exception):
    """Ends a connection in the middle of an answer."""


class EventStream(StreamingResponse):
    """A stream that counts the clients who leave it."""

    def __init__(self, events: Iterable[tuple[str, Any]], reply: Reply, script: Script) -> None:
        """Take the events by name, how they go, and where to count."""
        self._script = script
        super().__init__(_encoded(list(events), reply), media_type="text/event-stream")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send, and count when the client is gone first."""
        ended = False

        async def note(message: Any) -> None:
            nonlocal ended
            await send(message)
            ended = message["type"] == "http.response.body" and not message.get("more_body")

        try:
            await super().__call__(scope, receive, note)
        finally:
            if not ended:
                self._script.leave()


async def _encoded(events: list[tuple[str, Any]], reply: Reply) -> AsyncIterator[bytes]:
    stop = len(events) // 2
    for number, (name, data) in enumerate(events):
        if (reply.kind, number) in {("stall", 1), ("stall_late", stop)}:
            await asyncio.sleep(3_600)
        if reply.kind == "cut" and number == stop:
            raise CutConnectionError
        if reply.pieces_seconds and number:
            await asyncio.sleep(reply.pieces_seconds)
        text = data if isinstance(data, str) else json.dumps(data)
        yield (f"event: {name}\n" if name else "").encode() + f"data: {text}\n\n".encode()


def pieces(text: str, size: int = 24) -> list[str]:
    """Return the text in the pieces of a stream."""
    return [text[start : start + size] for start in range(0, len(text), size)]
