"""Asks GitHub again for deliveries that nobody took; a schedule calls it."""

from typing import Any

from kova.bootstrap.workers.periodic import scheduled_work
from kova.bootstrap.workers.redelivery import redelivery_tasks

# No `first_after`: whoever calls has waited.
_work = scheduled_work(lambda core: redelivery_tasks(core, first_after=0.0))


def handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Sweep once. What fails is found again by the next call."""
    _work().run()
    return {}
