"""Server-sent events, whole and broken off."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from kova_fakes.models.script import ModelReply, Script


class CutConnectionError(Exception):
    """Ends a connection in the middle of an answer."""


class EventStream(StreamingResponse):
    """A stream that counts clients that leave before its end."""

    def __init__(
        self, events: Iterable[tuple[str, Any]], reply: ModelReply, script: Script
    ) -> None:
        self._script = script
        super().__init__(_encode(list(events), reply), media_type="text/event-stream")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream, and count a client that leaves before its end."""
        ended = False

        async def send_and_note(message: Any) -> None:
            nonlocal ended
            await send(message)
            ended = message["type"] == "http.response.body" and not message.get("more_body")

        try:
            await super().__call__(scope, receive, send_and_note)
        finally:
            if not ended:
                self._script.leave()


async def _encode(events: list[tuple[str, Any]], reply: ModelReply) -> AsyncIterator[bytes]:
    stop = len(events) // 2
    for number, (name, content) in enumerate(events):
        if (reply.kind, number) in {("stall", 1), ("stall_late", stop)}:
            await asyncio.sleep(3_600)
        if reply.kind == "cut" and number == stop:
            raise CutConnectionError
        if reply.pieces_seconds and number:
            await asyncio.sleep(reply.pieces_seconds)
        text = content if isinstance(content, str) else json.dumps(content)
        yield (f"event: {name}\n" if name else "").encode() + f"data: {text}\n\n".encode()


def pieces(text: str, size: int = 24) -> list[str]:
    """Return the text in the pieces of a stream."""
    return [text[start : start + size] for start in range(0, len(text), size)]
