"""Answers that arrive piece by piece, and clients that leave before the end."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Final, TypeVar

from fastapi import Request
from fastapi.responses import StreamingResponse

from kova.commands.command import Command
from kova.commands.run_command import RunCommand
from kova.shared.exceptions import KovaError

_LOG = logging.getLogger("kova.web")
EVENT_STREAM: Final = "text/event-stream"
Result = TypeVar("Result")
Event = tuple[str, dict[str, Any]]
_ENDING: Final[set[asyncio.Task[Any]]] = set()


class ClientLeftError(Exception):
    """Nobody waits for the answer any more."""


async def unless_gone(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """Do the work unless the client leaves; then it is cancelled.

    Raises:
        ClientLeftError: it was.
    """
    task = asyncio.ensure_future(work)
    watch = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({task, watch}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ClientLeftError
    finally:
        watch.cancel()
        _let_end(task)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _let_end(task: asyncio.Task[Any]) -> None:
    """Cancel a task and hold it until it has tidied up: its calls are settled and recorded."""
    if task.done():
        return
    _ENDING.add(task)
    task.add_done_callback(_ENDING.discard)
    task.cancel()


def stream_answer(
    run: RunCommand,
    command: Command,
    *,
    on_answer: Callable[[Command], dict[str, Any]],
    on_problem: Callable[[KovaError], dict[str, Any]],
) -> StreamingResponse:
    """Answer with events.

    `delta` carries more text, `restart` says to forget the text so far, and at the end stands
    either `answer`, with its checked citations, or `problem`: what `on_answer` and `on_problem`
    return.
    """
    return StreamingResponse(
        _encoded(_events(run, command, on_answer, on_problem)),
        media_type=EVENT_STREAM,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(
    run: RunCommand,
    command: Command,
    on_answer: Callable[[Command], dict[str, Any]],
    on_problem: Callable[[KovaError], dict[str, Any]],
) -> AsyncIterator[Event]:
    queue: asyncio.Queue[Event | None] = asyncio.Queue()
    shown = run.safe_stream()

    async def listen(piece: str | None) -> None:
        nonlocal shown
        if piece is None:
            shown = run.safe_stream()
            queue.put_nowait(("restart", {}))
        elif text := shown.feed(piece):
            queue.put_nowait(("delta", {"text": text}))

    async def work() -> None:
        try:
            answered = await run.run_command(command, listen)
            if rest := shown.end():
                queue.put_nowait(("delta", {"text": rest}))
            queue.put_nowait(("answer", on_answer(answered)))
        except KovaError as exc:
            queue.put_nowait(("problem", on_problem(exc)))
        except Exception as exc:  # noqa: BLE001 (the head of the answer is sent: told in its body)
            _LOG.error("unexpected error", exc_info=exc)
            queue.put_nowait(("problem", on_problem(KovaError())))
        finally:
            queue.put_nowait(None)

    task = asyncio.ensure_future(work())
    try:
        while (event := await queue.get()) is not None:
            yield event
    finally:
        _let_end(task)


async def _encoded(events: AsyncIterator[Event]) -> AsyncIterator[bytes]:
    async for name, fields in events:
        yield f"event: {name}\ndata: {json.dumps(fields)}\n\n".encode()
