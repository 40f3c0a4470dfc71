"""The periodic tasks of a function that a schedule calls."""

from __future__ import annotations

from collections.abc import Mapping

from kova.bootstrap.core import Core
from kova.bootstrap.event_loop import event_loop
from kova.bootstrap.queue_worker import periodic_tasks
from kova.bootstrap.settings import load_settings
from kova.web.logs import configure_logging


class PeriodicWork:
    """The tasks, over one core and the event loop of this environment."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._tasks = periodic_tasks(core)

    def run(self) -> None:
        """Do what is due, and write the counts of it."""
        loop = event_loop()
        loop.run_until_complete(self._tasks.run_due())
        loop.run_until_complete(self._core.metrics.end_invocation())

    def close(self) -> None:
        """Close the core's connections."""
        event_loop().run_until_complete(self._core.close())


def build_periodic_work(variables: Mapping[str, str]) -> PeriodicWork:
    """Build the work; SettingsError without the database."""
    configure_logging(variables.get("KOVA_LOG_LEVEL", ""))
    return PeriodicWork(Core(load_settings(variables, needed=("KOVA_DATABASE_URL",))))
