"""The scan worker: SQS batches with per-record failures."""

from typing import Any

from kova.bootstrap.environment import FromEnvironment
from kova.bootstrap.workers.queue_worker import QueueWorker
from kova.bootstrap.workers.scan_worker import build_scan_worker

_worker = FromEnvironment(build_scan_worker, QueueWorker.close)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Scan what a batch of messages asks for; failed records are told, the others are done."""
    return _worker().lambda_batch(event)
