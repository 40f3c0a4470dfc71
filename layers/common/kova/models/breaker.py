"""A circuit breaker: a provider that keeps failing is left alone for a while."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

FAILURES: Final = 5
PAUSE_SECONDS: Final = 30.0


@dataclass(kw_only=True)
class Breaker:
    """Opens after some failures in a row, lets one call try after a pause, closes on success."""

    clock: Callable[[], float]
    failures: int = FAILURES
    pause: float = PAUSE_SECONDS
    _count: int = 0
    _until: float | None = None
    _trying: float | None = None

    @property
    def open(self) -> bool:
        """Tell whether calls are being kept away, a trial apart."""
        return self._until is not None

    def allows(self) -> bool:
        """Tell whether a call may be made now; after the pause, one at a time may."""
        if self._until is None:
            return True
        now = self.clock()
        # A trial that was never told of (its task was cancelled) does not block for ever.
        trying = self._trying is not None and now - self._trying < self.pause
        if now < self._until or trying:
            return False
        self._trying = now
        return True

    def succeeded(self) -> None:
        """Note an answer."""
        self._count = 0
        self._until = self._trying = None

    def failed(self) -> None:
        """Note a failure that is the provider's."""
        self._count += 1
        self._trying = None
        if self._count >= self.failures:
            self._until = self.clock() + self.pause
