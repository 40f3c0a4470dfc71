"""What the workers of the Lambda form share: one core and one event loop for their whole life."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final, Protocol

from kova.adapters.postgres.budget import PostgresBudgetStore
from kova.adapters.postgres.chat_claims import PostgresChatClaims
from kova.adapters.postgres.errors import PostgresErrorStore
from kova.adapters.sqs import Received, SqsConsumer, seconds_since_sent
from kova.adapters.temporary_folder import claim_temporary_folder
from kova.bootstrap.core import Core
from kova.bootstrap.event_loop import event_loop
from kova.bootstrap.github_app import check_app
from kova.bootstrap.settings import Settings, load_settings
from kova.shared.periodic_tasks import PeriodicTask, PeriodicTasks
from kova.shared.retry import GiveUp, Retry
from kova.web.logs import configure_logging

# A transaction may write thousands of errors.
DATABASE_SECONDS: Final = 60.0


class JobHandler(Protocol):
    """Handles the messages of one queue."""

    async def handle(self, body: str, attempt: int, *, waited: float | None = None) -> object:
        """Return a Retry or a GiveUp, or something else when the message may be deleted."""


class QueueWorker:
    """Handles SQS events and reports per record."""

    def __init__(self, handler: JobHandler, consumer: SqsConsumer, core: Core) -> None:
        self._handler = handler
        self._consumer = consumer
        self._core = core
        self._periodic_tasks = periodic_tasks(core)

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
        message = Received(
            body=record["body"],
            receipt=record["receiptHandle"],
            attempt=int(record["attributes"]["ApproximateReceiveCount"]),
            waited=seconds_since_sent(record["attributes"]),
        )
        outcome = await self._handler.handle(message.body, message.attempt, waited=message.waited)
        if isinstance(outcome, Retry):
            await asyncio.to_thread(self._consumer.hide, message, outcome.delay)
            return False
        if isinstance(outcome, GiveUp):
            await asyncio.to_thread(self._consumer.bury, message, outcome.reason)
        return True


def periodic_tasks(core: Core) -> PeriodicTasks:
    """Build the tasks that a worker repeats from time to time."""
    tasks: dict[str, PeriodicTask] = {
        "open ignored errors whose time is over": PostgresErrorStore(core.database).expire,
        "forget reservations that nobody settles": PostgresBudgetStore(core.database).forget,
        "forget old events of chats": PostgresChatClaims(core.database).forget,
    }
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
