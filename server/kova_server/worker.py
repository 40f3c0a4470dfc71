"""The SQS worker of the server form: takes messages, keeps them while it works, lets them go."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
from collections.abc import AsyncIterator
from typing import Any, Final

from kova.adapters.sqs import Received, SqsConsumer, sqs_client
from kova.bootstrap.ai import handle_command_job
from kova.bootstrap.container import Container
from kova.bootstrap.scan_worker import (
    DATABASE_SECONDS,
    NEEDED,
    JobHandler,
    handle_publish_job,
    handle_scan_job,
)
from kova.bootstrap.settings import Settings, load_settings
from kova.domain.errors import UnavailableError
from kova.domain.retry import GiveUp, Retry
from kova.usecases.housekeep import Housekeep

__all__ = ["NEEDED", "load_settings", "run_worker"]
_LOG = logging.getLogger("kova.worker")
# Short, so that a killed worker's message soon comes back; prolonged while the work goes on.
_VISIBILITY: Final = 20
_OFTEN: Final = 10


async def run_worker(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; what is in hand then is finished first."""
    assert settings.scan_queue_url is not None
    container = Container(settings, database_seconds=DATABASE_SECONDS)
    client = sqs_client(waits=True)
    work: list[tuple[SqsConsumer, JobHandler]] = [
        (SqsConsumer(client, settings.scan_queue_url), handle_scan_job(container))
    ]
    if settings.fix_queue_url is not None:
        consumer = SqsConsumer(client, settings.fix_queue_url)
        work.append((consumer, handle_publish_job(container)))
    if settings.ai.command_queue_url is not None:
        commands = handle_command_job(container)
        work.append((SqsConsumer(client, settings.ai.command_queue_url), commands))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    _LOG.info("worker started", extra={"concurrency": settings.worker_concurrency})
    lanes = [
        _lane(consumer, handle, stop)
        for consumer, handle in work
        for _ in range(settings.worker_concurrency)
    ]
    try:
        async with container.background(), _housekeeping(container.housekeep):
            await asyncio.gather(*lanes)
    finally:
        await container.close()
    _LOG.info("worker stopped")


@contextlib.asynccontextmanager
async def _housekeeping(housekeep: Housekeep) -> AsyncIterator[None]:
    async def often() -> None:
        while True:
            await housekeep.run()
            await asyncio.sleep(_OFTEN)

    task = asyncio.create_task(often())
    try:
        yield
    finally:
        task.cancel()


async def _lane(consumer: SqsConsumer, handle: JobHandler, stop: asyncio.Event) -> None:
    """Take one message after the other."""
    while not stop.is_set():
        receiving = _poll(consumer)
        stopping = asyncio.create_task(stop.wait())
        waiting: set[asyncio.Future[Any]] = {receiving, stopping}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not receiving.done():
            receiving.cancel()
            return  # A message that the open poll may still bring comes back by itself.
        try:
            messages = receiving.result()
        except UnavailableError as exc:
            _LOG.warning("queue does not answer", extra={"reason": exc.reason})
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), timeout=2)
            continue
        for message in messages:
            await _handle(consumer, handle, message)


def _poll(consumer: SqsConsumer) -> asyncio.Future[list[Received]]:
    """Receive in a daemon thread: a poll that waits for messages keeps no worker from stopping."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[list[Received]] = loop.create_future()

    def settle(result: list[Received] | BaseException) -> None:
        if future.cancelled():
            return
        if isinstance(result, BaseException):
            future.set_exception(result)
        else:
            future.set_result(result)

    def receive() -> None:
        result: list[Received] | BaseException
        try:
            result = consumer.receive(most=1, visibility=_VISIBILITY)
        except BaseException as exc:  # noqa: BLE001 (handed to the one who waits)
            result = exc
        with contextlib.suppress(RuntimeError):  # The loop has ended: nobody waits.
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=receive, daemon=True).start()
    return future


async def _handle(consumer: SqsConsumer, handle: JobHandler, message: Received) -> None:
    async with _kept(consumer, message):
        outcome = await handle.run(message.body, message.attempt)
    try:
        if isinstance(outcome, Retry):
            await asyncio.to_thread(consumer.hide, message, outcome.delay)
        elif isinstance(outcome, GiveUp):
            await asyncio.to_thread(consumer.bury, message, outcome.reason)
        else:
            await asyncio.to_thread(consumer.delete, message)
    except UnavailableError as exc:
        # The message comes back and is found done, or is tried again.
        _LOG.warning("message not settled", extra={"reason": exc.reason})


@contextlib.asynccontextmanager
async def _kept(consumer: SqsConsumer, message: Received) -> AsyncIterator[None]:
    """Keep the message from other workers while this one has it in hand."""

    async def prolong() -> None:
        while True:
            await asyncio.sleep(_VISIBILITY / 3)
            with contextlib.suppress(UnavailableError):
                await asyncio.to_thread(consumer.hide, message, _VISIBILITY)

    task = asyncio.create_task(prolong())
    try:
        yield
    finally:
        task.cancel()
