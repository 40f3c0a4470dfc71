"""The command worker: SQS batches with per-record failures."""

from typing import Any

from kova.bootstrap.environment import FromEnvironment
from kova.bootstrap.workers.command_worker import build_command_worker
from kova.bootstrap.workers.queue_worker import QueueWorker

_worker = FromEnvironment(build_command_worker, QueueWorker.close)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer the commands of a batch; failed records are told, the others are done."""
    return _worker().lambda_batch(event)
