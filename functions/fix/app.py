"""The fix worker: SQS batches with per-record failures."""

from typing import Any

from kova.bootstrap.environment import FromEnvironment
from kova.bootstrap.workers.fix_worker import build_fix_worker
from kova.bootstrap.workers.queue_worker import QueueWorker

_worker = FromEnvironment(build_fix_worker, QueueWorker.close)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Publish the fixes of a batch; failed records are told, the others are done."""
    return _worker().lambda_batch(event)
