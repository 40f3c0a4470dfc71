"""The workers of the Lambda form: one container and one event loop for their whole life."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any, Final, Protocol

from kova.adapters.scratch import own_scratch
from kova.adapters.sqs import Received, SqsConsumer
from kova.bootstrap.ai import handle_command_job
from kova.bootstrap.container import Container
from kova.bootstrap.environment import environment
from kova.bootstrap.event_loop import event_loop
from kova.bootstrap.settings import Settings, load_settings
from kova.fixes.message import decode_publish_job
from kova.scans.handle_scan_job import HandleScanJob
from kova.shared.retry import GiveUp, Retry
from kova.shared.run_job import HandleJob
from kova.web.logs import configure_logging

# A transaction may write thousands of errors.
DATABASE_SECONDS: Final = 60.0
NEEDED = ("KOVA_DATABASE_URL", "KOVA_SCAN_QUEUE_URL")
# Whoever scans stores hashes of secrets.
NEEDED_IN_PRODUCTION = ("KOVA_SECRETS_KEY",)


class JobHandler(Protocol):
    """Handles the messages of one queue."""

    async def handle(self, body: str, attempt: int) -> object:
        """Return a Retry or a GiveUp, or something else when the message may be deleted."""


class QueueWorker:
    """Handles SQS events and reports per record."""

    def __init__(self, handle: JobHandler, consumer: SqsConsumer, container: Container) -> None:
        """Take the job's handler, the queue's consumer, and the rest of the process."""
        self._handle = handle
        self._consumer = consumer
        self._container = container

    def lambda_batch(self, event: dict[str, Any]) -> dict[str, Any]:
        """Handle a batch; answer with `batchItemFailures` as Lambda's SQS integration wants it."""
        return event_loop().run_until_complete(self._batch(event.get("Records", [])))

    async def _batch(self, records: list[dict[str, Any]]) -> dict[str, Any]:
        failures = [
            {"itemIdentifier": record["messageId"]}
            for record in records
            if not await self._one(record)
        ]
        await self._container.periodic_tasks.run_due()
        await self._container.metrics.end_invocation()
        return {"batchItemFailures": failures}

    async def _one(self, record: dict[str, Any]) -> bool:
        message = Received(
            body=record["body"],
            receipt=record["receiptHandle"],
            attempt=int(record["attributes"]["ApproximateReceiveCount"]),
        )
        outcome = await self._handle.handle(message.body, message.attempt)
        if isinstance(outcome, Retry):
            await asyncio.to_thread(self._consumer.hide, message, outcome.delay)
            return False
        if isinstance(outcome, GiveUp):
            await asyncio.to_thread(self._consumer.bury, message, outcome.reason)
        return True


def handle_scan_job(container: Container) -> HandleScanJob:
    """Build the handler of one message."""
    return HandleScanJob(
        scan=container.scan_repository, stores=container.stores, meter=container.meter
    )


def handle_publish_job(container: Container) -> HandleJob[str]:
    """Build the handler of one message of the fix queue."""
    return HandleJob(
        queue="fix",
        decode=decode_publish_job,
        work=container.publish_fix.publish,
        meter=container.meter,
    )


def _begun(*needed: str, needed_in_production: tuple[str, ...] = ()) -> Settings:
    """Begin the process: its log, its temporary folder, its settings."""
    configure_logging()
    own_scratch()
    return load_settings(environment(), needed=needed, needed_in_production=needed_in_production)


@cache
def fix_worker() -> QueueWorker:
    """Build the worker of the fix queue at the first event."""
    settings = _begun("KOVA_DATABASE_URL", "KOVA_FIX_QUEUE_URL")
    assert settings.fix_queue_url is not None
    container = Container(settings)
    consumer = SqsConsumer(container.sqs, settings.fix_queue_url)
    return QueueWorker(handle_publish_job(container), consumer, container)


@cache
def scan_worker() -> QueueWorker:
    """Build the worker at the first event."""
    settings = _begun(*NEEDED, needed_in_production=NEEDED_IN_PRODUCTION)
    assert settings.scan_queue_url is not None
    container = Container(settings, database_seconds=DATABASE_SECONDS)
    consumer = SqsConsumer(container.sqs, settings.scan_queue_url)
    return QueueWorker(handle_scan_job(container), consumer, container)


@cache
def command_worker() -> QueueWorker:
    """Build the worker of the command queue at the first event."""
    settings = _begun("KOVA_DATABASE_URL", "KOVA_COMMAND_QUEUE_URL")
    assert settings.ai.command_queue_url is not None
    container = Container(settings, waited_for=False)
    consumer = SqsConsumer(container.sqs, settings.ai.command_queue_url)
    return QueueWorker(handle_command_job(container), consumer, container)
