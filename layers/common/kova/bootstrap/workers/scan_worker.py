"""The scan worker, put together."""

from __future__ import annotations

from collections.abc import Mapping

from kova.adapters.sqs_consumer import SqsConsumer
from kova.bootstrap.core import Core
from kova.bootstrap.events import EventRoot
from kova.bootstrap.scans import ScanRoot
from kova.bootstrap.settings import require
from kova.bootstrap.workers.queue_worker import DATABASE_SECONDS, QueueWorker, worker_settings
from kova.bootstrap.workers.scan_job import scan_job
from kova.events.message import event_of
from kova.scans.message import ScanJob, decode_scan_job
from kova.shared.run_job import JobRunner, LogContext, Receipt

NEEDED = ("KOVA_DATABASE_URL", "KOVA_SCAN_QUEUE_URL")
# Whoever scans stores hashes of secrets.
NEEDED_IN_PRODUCTION = ("KOVA_SECRETS_KEY",)


def handle_scan_job(core: Core, scans: ScanRoot) -> JobRunner[ScanJob]:
    """Build the handler of one message of the scan queue: a scan, or an event of GitHub's."""
    scan, events = scan_job(core, scans), EventRoot(core, scans)

    async def work(job: ScanJob, receipt: Receipt) -> str | None:
        event = event_of(job)
        if event is None:
            return await scan.scan(job, receipt)
        await events.handle_event.handle(event, job)
        return None

    return JobRunner(
        queue="scan",
        decode=decode_scan_job,
        work=work,
        meter=core.meter,
        log_context=_log_context,
    )


def _log_context(job: ScanJob) -> LogContext:
    return {"repository": job.target.repository, "delivery": job.target.delivery}


def build_scan_worker(variables: Mapping[str, str]) -> QueueWorker:
    """Build the worker of the scan queue for a function."""
    settings = worker_settings(variables, *NEEDED, needed_in_production=NEEDED_IN_PRODUCTION)
    core = Core(settings, database_seconds=DATABASE_SECONDS)
    consumer = SqsConsumer(core.sqs, require(settings.scan_queue_url, "KOVA_SCAN_QUEUE_URL"))
    return QueueWorker(handle_scan_job(core, ScanRoot(core)), consumer, core, sends_scans=True)
