"""What the workers of both forms do with a message: hide it while its job runs, then settle it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kova.shared.exceptions import UnavailableError
from kova.shared.queue_consumer import QueueConsumer, Received
from kova.shared.retry import GiveUp, Retry
from kova.shared.run_job import Later, Outcome


@asynccontextmanager
async def hiding(
    consumer: QueueConsumer, message: Received, seconds: int, *, at_once: bool = False
) -> AsyncIterator[None]:
    """Hide a message for some seconds again and again while the block runs.

    So the message of a worker that is killed comes back within those seconds, however long its job
    takes. `at_once`: it was received with another time.
    """
    call: asyncio.Future[None] | None = None

    async def hide() -> None:
        nonlocal call
        if not at_once:
            await asyncio.sleep(seconds / 3)
        while True:
            call = asyncio.ensure_future(asyncio.to_thread(consumer.hide, message, seconds))
            with contextlib.suppress(UnavailableError):
                await asyncio.shield(call)
            await asyncio.sleep(seconds / 3)

    task = asyncio.create_task(hide())
    try:
        yield
    finally:
        task.cancel()
        if call is not None:
            # Its thread goes on: it must not hide what is settled next.
            await asyncio.wait({call})
            with contextlib.suppress(UnavailableError):
                call.result()


async def settle_message(consumer: QueueConsumer, message: Received, outcome: Outcome) -> None:
    """Do with a message what its job's outcome says.

    Raises:
        QueueUnavailableError: the queue does not answer. The message comes back; a job that was
            done is recognised and not repeated.
    """
    if isinstance(outcome, Retry):
        await asyncio.to_thread(consumer.hide, message, outcome.delay)
    elif isinstance(outcome, Later):
        await asyncio.to_thread(consumer.postpone, message, outcome.body, outcome.delay)
    elif isinstance(outcome, GiveUp):
        await asyncio.to_thread(consumer.bury, message, outcome.reason)
    else:
        await asyncio.to_thread(consumer.delete, message)
