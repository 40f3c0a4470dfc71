"""The scan worker, put together."""

from __future__ import annotations

from functools import cache

from kova.adapters.sqs import SqsConsumer
from kova.bootstrap.core import Core
from kova.bootstrap.queue_worker import DATABASE_SECONDS, QueueWorker, worker_settings
from kova.bootstrap.scan_job import scan_job
from kova.bootstrap.scans import ScanRoot
from kova.bootstrap.settings import require
from kova.scans.handle_scan_job import HandleScanJob

NEEDED = ("KOVA_DATABASE_URL", "KOVA_SCAN_QUEUE_URL")
# Whoever scans stores hashes of secrets.
NEEDED_IN_PRODUCTION = ("KOVA_SECRETS_KEY",)


def handle_scan_job(core: Core, scans: ScanRoot) -> HandleScanJob:
    """Build the handler of one message."""
    return HandleScanJob(scan=scan_job(core, scans), stores=scans.stores, meter=core.meter)


@cache
def scan_worker() -> QueueWorker:
    """Build the worker at the first event."""
    settings = worker_settings(*NEEDED, needed_in_production=NEEDED_IN_PRODUCTION)
    core = Core(settings, database_seconds=DATABASE_SECONDS)
    consumer = SqsConsumer(core.sqs, require(settings.scan_queue_url, "KOVA_SCAN_QUEUE_URL"))
    return QueueWorker(handle_scan_job(core, ScanRoot(core)), consumer, core)
