"""The SQS worker of the server form: takes messages, keeps them while it works, lets them go."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
from collections.abc import AsyncIterator
from typing import Any, Final

from kova.adapters.scratch import own_scratch
from kova.adapters.sqs import Received, SqsConsumer, sqs_client
from kova.bootstrap.ai import handle_command_job
from kova.bootstrap.container import Container
from kova.bootstrap.scan_worker import (
    DATABASE_SECONDS,
    NEEDED,
    NEEDED_IN_PRODUCTION,
    JobHandler,
    handle_publish_job,
    handle_scan_job,
)
from kova.bootstrap.settings import Settings, load_settings
from kova.shared.exceptions import UnavailableError
from kova.shared.periodic_tasks import PeriodicTasks
from kova.shared.retry import GiveUp, Retry

__all__ = ["NEEDED", "NEEDED_IN_PRODUCTION", "load_settings", "run_worker"]
_LOG = logging.getLogger("kova.worker")
_OFTEN: Final = 10


async def run_worker(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; what is in hand then is finished first."""
    assert settings.scan_queue_url is not None
    await asyncio.to_thread(own_scratch)
    container = Container(settings, database_seconds=DATABASE_SECONDS, waited_for=False)
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
        _Lane(consumer, handle, settings.worker_visibility_seconds).run(stop)
        for consumer, handle in work
        for _ in range(settings.worker_concurrency)
    ]
    try:
        async with container.background(), _running_periodically(container.periodic_tasks):
            await asyncio.gather(*lanes)
    finally:
        await container.close()
    _LOG.info("worker stopped")


@contextlib.asynccontextmanager
async def _running_periodically(tasks: PeriodicTasks) -> AsyncIterator[None]:
    async def often() -> None:
        while True:
            await tasks.run_due()
            await asyncio.sleep(_OFTEN)

    task = asyncio.create_task(often())
    try:
        yield
    finally:
        task.cancel()


class _Lane:
    """Takes one message of a queue after the other.

    A message is hidden from other workers for some seconds, and for longer while the work goes on:
    that of a killed worker comes back soon.
    """

    def __init__(self, consumer: SqsConsumer, handle: JobHandler, visibility: int) -> None:
        self._consumer = consumer
        self._handle = handle
        self._visibility = visibility

    async def run(self, stop: asyncio.Event) -> None:
        """Work until it is told to stop."""
        while not stop.is_set():
            receiving = self._poll()
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
                await self._one(message)

    def _poll(self) -> asyncio.Future[list[Received]]:
        """Receive in a daemon thread: a poll that waits keeps no worker from stopping."""
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
                result = self._consumer.receive(most=1, visibility=self._visibility)
            except BaseException as exc:  # noqa: BLE001 (handed to the one who waits)
                result = exc
            with contextlib.suppress(RuntimeError):  # The loop has ended: nobody waits.
                loop.call_soon_threadsafe(settle, result)

        threading.Thread(target=receive, daemon=True).start()
        return future

    async def _one(self, message: Received) -> None:
        async with self._kept(message):
            outcome = await self._handle.handle(message.body, message.attempt)
        try:
            if isinstance(outcome, Retry):
                await asyncio.to_thread(self._consumer.hide, message, outcome.delay)
            elif isinstance(outcome, GiveUp):
                await asyncio.to_thread(self._consumer.bury, message, outcome.reason)
            else:
                await asyncio.to_thread(self._consumer.delete, message)
        except UnavailableError as exc:
            # The message comes back and is found done, or is tried again.
            _LOG.warning("message not settled", extra={"reason": exc.reason})

    @contextlib.asynccontextmanager
    async def _kept(self, message: Received) -> AsyncIterator[None]:
        """Keep the message from other workers while this one has it in hand."""

        async def prolong() -> None:
            while True:
                await asyncio.sleep(self._visibility / 3)
                with contextlib.suppress(UnavailableError):
                    await asyncio.to_thread(self._consumer.hide, message, self._visibility)

        task = asyncio.create_task(prolong())
        try:
            yield
        finally:
            task.cancel()
