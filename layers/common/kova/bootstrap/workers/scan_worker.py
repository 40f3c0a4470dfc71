"""The scan worker, put together."""

from __future__ import annotations

from collections.abc import Mapping

from kova.adapters.sqs import SqsConsumer
from kova.bootstrap.core import Core
from kova.bootstrap.scans import ScanRoot
from kova.bootstrap.settings import require
from kova.bootstrap.workers.queue_worker import DATABASE_SECONDS, QueueWorker, worker_settings
from kova.bootstrap.workers.scan_job import scan_job
from kova.scans.message import decode_scan_job
from kova.scans.record_failure import RecordFailure, scan_log_context
from kova.scans.scan import ScanTarget
from kova.shared.run_job import JobRunner

NEEDED = ("KOVA_DATABASE_URL", "KOVA_SCAN_QUEUE_URL")
# Whoever scans stores hashes of secrets.
NEEDED_IN_PRODUCTION = ("KOVA_SECRETS_KEY",)


def handle_scan_job(core: Core, scans: ScanRoot) -> JobRunner[ScanTarget]:
    """Build the handler of one message of the scan queue."""
    stores = scans.stores
    failure = RecordFailure(repositories=stores.repositories, scans=stores.scans)
    return JobRunner(
        queue="scan",
        decode=decode_scan_job,
        work=scan_job(core, scans).scan,
        meter=core.meter,
        log_context=scan_log_context,
        on_give_up=failure.record,
    )


def build_scan_worker(variables: Mapping[str, str]) -> QueueWorker:
    """Build the worker of the scan queue for a function."""
    settings = worker_settings(variables, *NEEDED, needed_in_production=NEEDED_IN_PRODUCTION)
    core = Core(settings, database_seconds=DATABASE_SECONDS)
    consumer = SqsConsumer(core.sqs, require(settings.scan_queue_url, "KOVA_SCAN_QUEUE_URL"))
    return QueueWorker(handle_scan_job(core, ScanRoot(core)), consumer, core)
