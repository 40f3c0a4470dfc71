"""What is due from time to time, called by a schedule: a quiet stack has no worker that does it."""

from typing import Any

from kova.bootstrap.workers.periodic import scheduled_work
from kova.bootstrap.workers.queue_worker import periodic_tasks

_work = scheduled_work(periodic_tasks)


def handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Do what is due. A task that fails is logged, and tried again by the next call."""
    _work().run()
    return {}
