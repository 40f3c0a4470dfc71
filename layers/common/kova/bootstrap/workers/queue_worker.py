"""What the workers of the Lambda form share: one core and one event loop for their whole life."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Final, Protocol

from kova.adapters.postgres.budget import PostgresBudgetStore
from kova.adapters.postgres.chat_claims import PostgresChatClaims
from kova.adapters.postgres.errors import PostgresErrorStore
from kova.adapters.postgres.repository_watch import PostgresRepositoryWatch
from kova.adapters.sqs_consumer import received
from kova.adapters.temporary_folder import claim_temporary_folder
from kova.bootstrap.core import Core
from kova.bootstrap.event_loop import event_loop
from kova.bootstrap.github_app import check_app
from kova.bootstrap.settings import Settings, load_settings
from kova.bootstrap.workers.messages import hiding, settle_message
from kova.bootstrap.workers.scan_recovery import recovery_task
from kova.shared.periodic_tasks import PeriodicTask, PeriodicTasks
from kova.shared.queue_consumer import QueueConsumer
from kova.shared.retry import Retry
from kova.shared.run_job import Done, JobEnded, Outcome
from kova.web.logs import configure_logging

# A transaction may write thousands of errors.
DATABASE_SECONDS: Final = 60.0
_VISIBILITY_SECONDS: Final = 30


class JobHandler(Protocol):
    """Handles the messages of one queue."""

    async def handle(self, body: str, attempt: int, *, waited: float | None = None) -> Outcome:
        """Do a message's job and return what becomes of the message."""


class QueueWorker:
    """Handles SQS events and reports per record."""

    def __init__(
        self,
        handler: JobHandler,
        consumer: QueueConsumer,
        core: Core,
        *,
        sends_scans: bool = False,
    ) -> None:
        """`sends_scans`: this function may send to the queue of scans."""
        self._handler = handler
        self._consumer = consumer
        self._core = core
        self._periodic_tasks = periodic_tasks(core, sends_scans=sends_scans)

    def lambda_batch(self, event: dict[str, Any]) -> dict[str, Any]:
        """Handle a batch; answer with `batchItemFailures` as Lambda's SQS integration wants it."""
        return event_loop().run_until_complete(self._handle_batch(event.get("Records", [])))

    def close(self) -> None:
        """Close the core's connections."""
        event_loop().run_until_complete(self._core.close())

    async def _handle_batch(self, records: list[dict[str, Any]]) -> dict[str, Any]:
        failures = [
            {"itemIdentifier": record["messageId"]}
            for record in records
            if not await self._handle_record(record)
        ]
        await self._periodic_tasks.run_due()
        await self._core.metrics.end_invocation()
        return {"batchItemFailures": failures}

    async def _handle_record(self, record: dict[str, Any]) -> bool:
        """Handle a message; False when it stays in the queue.

        The queue hides it for an hour, as Lambda asks of a queue that it polls. From here on the
        function does it itself, so that what a killed one had in hand comes back soon.
        """
        message = received(record["body"], record["receiptHandle"], record["attributes"])
        async with hiding(self._consumer, message, _VISIBILITY_SECONDS, at_once=True):
            outcome = await self._handler.handle(
                message.body, message.attempt, waited=message.waited
            )
        if not isinstance(outcome, Done | JobEnded):  # Lambda itself deletes what is done.
            await settle_message(self._consumer, message, outcome)
        return not isinstance(outcome, Retry)


def periodic_tasks(core: Core, *, sends_scans: bool = True) -> PeriodicTasks:
    """Build the tasks that a worker repeats from time to time.

    `sends_scans`: this process may send to the queue of scans, and so take lost ones up again.
    """
    watch = PostgresRepositoryWatch(core.database)
    age = timedelta(days=core.settings.deleted_repository_days)
    tasks: dict[str, PeriodicTask] = {
        "open ignored errors whose time is over": PostgresErrorStore(core.database).expire,
        "forget reservations that nobody settles": PostgresBudgetStore(core.database).forget,
        "forget old events of chats": PostgresChatClaims(core.database).forget,
        "delete what is left of deleted repositories": partial(watch.purge, age),
    }
    recover = recovery_task(core) if sends_scans else None
    if recover is not None:
        tasks["take up scans that were lost"] = recover
    check = check_app(core)
    if check is not None:
        app_check = check

        async def look_at_app() -> int:
            app_check.state()  # What lacks is logged when GitHub has answered.
            return 0

        tasks["check the GitHub App"] = look_at_app
    return PeriodicTasks(tasks, clock=time.monotonic)


def worker_settings(
    variables: Mapping[str, str], *needed: str, needed_in_production: tuple[str, ...] = ()
) -> Settings:
    """Begin a worker's process, its log and its temporary folder; return its settings.

    Raises:
        SettingsError: its message lists every setting that is missing or not valid.
    """
    configure_logging(variables.get("KOVA_LOG_LEVEL", ""))
    claim_temporary_folder()
    return load_settings(variables, needed=needed, needed_in_production=needed_in_production)
