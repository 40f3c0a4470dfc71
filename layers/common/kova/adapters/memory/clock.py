"""The clock of the twins."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

_TICK: Final = timedelta(microseconds=1)


class Clock:
    """Returns the time, in UTC. No two moments of a clock are equal, so that lists have an order.

    A clock with a `start` stands still until it is advanced; `read` is another clock to go by.
    """

    def __init__(
        self,
        start: datetime | None = None,
        *,
        read: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._start = start
        self._read = read
        self._latest = datetime.min.replace(tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return a moment that is later than the one before."""
        moment = self._read() if self._start is None else self._start
        self._latest = max(moment, self._latest + _TICK)
        return self._latest

    def advance(self, duration: timedelta) -> None:
        """Let time pass."""
        self._start = self() + duration
