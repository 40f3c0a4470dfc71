"""The fix worker, put together."""

from __future__ import annotations

from collections.abc import Mapping

from kova.adapters.sqs_consumer import SqsConsumer
from kova.bootstrap.core import Core
from kova.bootstrap.fixes import FixRoot
from kova.bootstrap.settings import require
from kova.bootstrap.workers.queue_worker import QueueWorker, worker_settings
from kova.fixes.message import decode_publish_job
from kova.shared.run_job import JobRunner, Receipt


def handle_publish_job(core: Core) -> JobRunner[str]:
    """Build the handler of one message of the fix queue."""
    publish_fix = FixRoot(core).publish_fix

    async def work(fix_id: str, _: Receipt) -> None:
        await publish_fix.publish(fix_id)

    return JobRunner(queue="fix", decode=decode_publish_job, work=work, meter=core.meter)


def build_fix_worker(variables: Mapping[str, str]) -> QueueWorker:
    """Build the worker of the fix queue for a function."""
    settings = worker_settings(variables, "KOVA_DATABASE_URL", "KOVA_FIX_QUEUE_URL")
    core = Core(settings)
    consumer = SqsConsumer(core.sqs, require(settings.fix_queue_url, "KOVA_FIX_QUEUE_URL"))
    return QueueWorker(handle_publish_job(core), consumer, core)
