"""The fix worker: SQS batches with per-record failures."""

from typing import Any

from kova.bootstrap.fix_worker import fix_worker


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Publish the fixes of a batch; failed records are told, the others are done."""
    return fix_worker().lambda_batch(event)
