"""An event loop whose time leaps to the next timer, so that nobody waits."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class _LeapingSelector(selectors.DefaultSelector):
    """Returns what is ready at once and adds the time-out to the loop's time."""

    elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0 if timeout is None or timeout > 0 else timeout)
        if ready or timeout is None or timeout <= 0:
            return ready or super().select(timeout)
        self.elapsed += timeout
        return []


class LeapingLoop(asyncio.SelectorEventLoop):
    """The loop; `time()` begins at 0 and is in seconds."""

    def __init__(self) -> None:
        self._leaps = _LeapingSelector()
        super().__init__(self._leaps)

    def time(self) -> float:
        return self._leaps.elapsed


def run_leaping(main: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine on a loop of its own; its timers cost no time.

    Not by asyncio.run(): that gives threads a time to end, which would leap too.
    """
    loop = LeapingLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
