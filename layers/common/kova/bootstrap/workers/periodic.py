"""The functions that a schedule calls: tasks over one core and this environment's event loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kova.bootstrap.core import Core
from kova.bootstrap.environment import FromEnvironment
from kova.bootstrap.event_loop import event_loop
from kova.bootstrap.settings import load_settings
from kova.shared.periodic_tasks import PeriodicTasks
from kova.web.logs import configure_logging


class ScheduledWork:
    """The tasks of one function."""

    def __init__(self, core: Core, tasks: PeriodicTasks) -> None:
        self._core = core
        self._tasks = tasks

    def run(self) -> None:
        """Do what is due, and write the counts of it."""
        loop = event_loop()
        loop.run_until_complete(self._tasks.run_due())
        loop.run_until_complete(self._core.metrics.end_invocation())

    def close(self) -> None:
        """Close the core's connections."""
        event_loop().run_until_complete(self._core.close())


def scheduled_work(tasks_of: Callable[[Core], PeriodicTasks]) -> FromEnvironment[ScheduledWork]:
    """Return what builds the work at the first call; SettingsError without the database."""

    def build(variables: Mapping[str, str]) -> ScheduledWork:
        configure_logging(variables.get("KOVA_LOG_LEVEL", ""))
        core = Core(load_settings(variables, needed=("KOVA_DATABASE_URL",)))
        return ScheduledWork(core, tasks_of(core))

    return FromEnvironment(build, ScheduledWork.close)
