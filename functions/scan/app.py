"""The scan worker: SQS batches with per-record failures."""

from typing import Any

from kova.bootstrap.scan_worker import scan_worker


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Scan what a batch of messages asks for; failed records are told, the others are done."""
    return scan_worker().lambda_batch(event)
