"""What is due from time to time, called by a schedule: a quiet stack has no worker that does it."""

from typing import Any

from kova.bootstrap.environment import FromEnvironment
from kova.bootstrap.periodic import PeriodicWork, build_periodic_work

_work = FromEnvironment(build_periodic_work, PeriodicWork.close)


def handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Do what is due. A task that fails is logged, and tried again by the next call."""
    _work().run()
    return {}
