"""Periodic tasks: workers ask often, the tasks run seldom."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from kova.shared.exceptions import UnavailableError

_LOG = logging.getLogger("kova.periodic_tasks")
_INTERVAL: Final = 60.0

PeriodicTask = Callable[[], Awaitable[int]]
"""Does what is due and returns how many rows that changed."""


class PeriodicTasks:
    """Runs all tasks at most once an interval; one that fails is tried again after it."""

    def __init__(
        self,
        tasks: Mapping[str, PeriodicTask],
        *,
        clock: Callable[[], float],
        interval: float = _INTERVAL,
        first_after: float = 0.0,
    ) -> None:
        """Take tasks by name, for the log; `clock` returns seconds, as the others are.

        The tasks run `first_after` from now for the first time.
        """
        self._interval = interval
        self._tasks = tasks
        self._clock = clock
        self._next_run = clock() + first_after if first_after else 0.0

    async def run_due(self) -> None:
        """Run the tasks if the interval has passed since they ran.

        Raises:
            Exception: the first fault of our own, after the other tasks had their turn.
        """
        now = self._clock()
        if now < self._next_run:
            return
        self._next_run = now + self._interval
        fault: Exception | None = None
        for name, task in self._tasks.items():
            try:
                number = await task()
            except UnavailableError as exc:
                extra = {"task": name, "reason": exc.reason}
                _LOG.warning("periodic task failed", extra=extra)
                continue
            except Exception as exc:  # noqa: BLE001 (raised below)
                fault = fault or exc
                continue
            if number:
                _LOG.info("periodic task done", extra={"task": name, "number": number})
        if fault is not None:
            raise fault
