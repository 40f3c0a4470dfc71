"""The command worker: SQS batches with per-record failures."""

from typing import Any

from kova.bootstrap.command_worker import command_worker


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer the commands of a batch; failed records are told, the others are done."""
    return command_worker().lambda_batch(event)
