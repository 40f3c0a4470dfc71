"""The SQS worker of the server form: receives messages, runs their jobs, and settles them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any, Final

from kova.adapters.sqs import sqs_client
from kova.adapters.sqs_consumer import SqsConsumer
from kova.adapters.temporary_folder import claim_temporary_folder
from kova.bootstrap.chat.notices import notice_tasks
from kova.bootstrap.core import Core
from kova.bootstrap.scans import ScanRoot
from kova.bootstrap.settings import Settings, load_settings, require
from kova.bootstrap.workers.command_worker import handle_command_job
from kova.bootstrap.workers.fix_worker import handle_publish_job
from kova.bootstrap.workers.messages import hiding, settle_message
from kova.bootstrap.workers.queue_worker import DATABASE_SECONDS, JobHandler, periodic_tasks
from kova.bootstrap.workers.redelivery import redelivery_tasks
from kova.bootstrap.workers.scan_worker import NEEDED, handle_scan_job
from kova.bootstrap.workers.scan_worker import NEEDED_IN_PRODUCTION as NEEDED_BY_SCANS
from kova.shared.exceptions import (
    DatabaseUnavailableError,
    SchemaOutdatedError,
    UnavailableError,
)
from kova.shared.periodic_tasks import PeriodicTasks
from kova.shared.queue_consumer import Received
from kova.shared.run_job import Later, Outcome

__all__ = ["NEEDED", "NEEDED_IN_PRODUCTION", "load_settings", "run_worker"]
# The worker answers commands, too: in conversations that are kept in Redis.
NEEDED_IN_PRODUCTION: Final = (*NEEDED_BY_SCANS, "KOVA_SIGNING_KEY")
_LOG = logging.getLogger("kova.worker")
_LOOK_SECONDS: Final = 10
_END_LOOK_SECONDS: Final = 0.5
_PAUSE_SECONDS: Final = 2.0
_PING_SECONDS: Final = 5.0
_DATABASE_AWAY: Final = {DatabaseUnavailableError.reason, SchemaOutdatedError.reason}


async def run_worker(settings: Settings, *, ends: Callable[[], bool] = lambda: False) -> None:
    """Work until SIGTERM or SIGINT, or until `ends` returns True.

    Running jobs are finished before it returns.
    """
    scan_queue_url = require(settings.scan_queue_url, "KOVA_SCAN_QUEUE_URL")
    await asyncio.to_thread(claim_temporary_folder)
    core = Core(settings, database_seconds=DATABASE_SECONDS, interactive=False)
    client = sqs_client(waits=True)
    queues: list[tuple[str, SqsConsumer, JobHandler]] = [
        (
            "scan",
            SqsConsumer(client, scan_queue_url),
            handle_scan_job(core, ScanRoot(core)),
        )
    ]
    if settings.fix_queue_url is not None:
        fixes = handle_publish_job(core)
        queues.append(("fix", SqsConsumer(client, settings.fix_queue_url), fixes))
    if settings.ai.command_queue_url is not None:
        commands = handle_command_job(core)
        queues.append(("command", SqsConsumer(client, settings.ai.command_queue_url), commands))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    _LOG.info("worker started", extra={"concurrency": settings.worker_concurrency})
    loops = [
        _QueueLoop(
            consumer,
            handle,
            settings.worker_visibility_seconds,
            partial(core.meter.count, "kova_worker_polls_total", queue=name),
            core.database.ping,
        ).run(stop)
        for name, consumer, handle in queues
        for _ in range(settings.worker_concurrency)
    ]
    try:
        async with (
            core.background(),
            repeating(periodic_tasks(core)),
            repeating(notice_tasks(core)),
            repeating(redelivery_tasks(core)),
            _stopping(stop, ends),
        ):
            await asyncio.gather(*loops)
    finally:
        await core.close()
    _LOG.info("worker stopped")


@contextlib.asynccontextmanager
async def repeating(tasks: PeriodicTasks, pause: float = _LOOK_SECONDS) -> AsyncIterator[None]:
    """Run tasks beside what is done meanwhile, `pause` seconds after they ended."""

    async def repeat() -> None:
        while True:
            try:
                await tasks.run_due()
            except Exception:  # noqa: BLE001 (the loop must not end: it is logged)
                # Nobody waits for this loop: if it ended, nothing would say so.
                _LOG.exception("periodic task failed")
            await asyncio.sleep(pause)

    task = asyncio.create_task(repeat())
    try:
        yield
    finally:
        task.cancel()


@contextlib.asynccontextmanager
async def _stopping(stop: asyncio.Event, ends: Callable[[], bool]) -> AsyncIterator[None]:
    async def look() -> None:
        while True:
            await asyncio.sleep(_END_LOOK_SECONDS)
            if ends():
                stop.set()
                return

    task = asyncio.create_task(look())
    try:
        yield
    finally:
        task.cancel()


class _QueueLoop:
    """Handles the messages of a queue one after the other.

    A message is hidden from other workers for some seconds only; they are prolonged while its job
    runs. So the message of a killed worker comes back soon.
    """

    def __init__(
        self,
        consumer: SqsConsumer,
        handle: JobHandler,
        visibility: int,
        on_poll: Callable[[], None],
        ping_database: Callable[[], Awaitable[None]],
    ) -> None:
        self._consumer = consumer
        self._handle = handle
        self._visibility = visibility
        self._on_poll = on_poll
        self._ping_database = ping_database

    async def run(self, stop: asyncio.Event) -> None:
        """Receive and handle messages until `stop` is set."""
        while not stop.is_set():
            poll = self._poll()
            stopping = asyncio.create_task(stop.wait())
            futures: set[asyncio.Future[Any]] = {poll, stopping}
            await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if not poll.done():
                poll.cancel()
                return  # A message that the open poll may still receive becomes visible again.
            try:
                messages = poll.result()
            except UnavailableError as exc:
                _LOG.warning("queue does not answer", extra={"reason": exc.reason})
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), timeout=_PAUSE_SECONDS)
                continue
            self._on_poll()
            for message in messages:
                outcome = await self._handle_message(message)
                if isinstance(outcome, Later) and outcome.reason in _DATABASE_AWAY:
                    await self._wait_for_database(stop)

    async def _wait_for_database(self, stop: asyncio.Event) -> None:
        """Receive nothing while no job can be done: each message would only be sent on."""
        _LOG.warning("database does not answer: the worker waits")
        while not stop.is_set():
            with contextlib.suppress(DatabaseUnavailableError, TimeoutError):
                async with asyncio.timeout(_PING_SECONDS):
                    await self._ping_database()
                _LOG.info("database answers: the worker goes on")
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), timeout=_PAUSE_SECONDS)

    def _poll(self) -> asyncio.Future[list[Received]]:
        """Receive in a daemon thread, so that a waiting poll does not delay the worker's end."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Received]] = loop.create_future()

        def set_outcome(result: list[Received] | BaseException) -> None:
            if future.cancelled():
                return
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)

        def receive() -> None:
            result: list[Received] | BaseException
            try:
                result = self._consumer.receive(limit=1, visibility=self._visibility)
            except BaseException as exc:  # noqa: BLE001 (set on the future)
                result = exc
            with contextlib.suppress(RuntimeError):  # The event loop has ended.
                loop.call_soon_threadsafe(set_outcome, result)

        threading.Thread(target=receive, daemon=True).start()
        return future

    async def _handle_message(self, message: Received) -> Outcome:
        async with hiding(self._consumer, message, self._visibility):
            outcome = await self._handle.handle(
                message.body, message.attempt, waited=message.waited
            )
        try:
            await settle_message(self._consumer, message, outcome)
        except UnavailableError as exc:
            # The message comes back. A job that was done is recognised and not repeated.
            _LOG.warning("message not settled", extra={"reason": exc.reason})
        return outcome
