"""A circuit breaker: a provider that keeps failing is not called for a while."""

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
    _trial_at: float | None = None

    @property
    def is_open(self) -> bool:
        """True while calls are refused, but for one trial after the pause."""
        return self._until is not None

    def allows_call(self) -> bool:
        """True if a call may be made now; after the pause, one at a time may."""
        if self._until is None:
            return True
        now = self.clock()
        # A trial whose end was never recorded (its task was cancelled) does not block for ever.
        on_trial = self._trial_at is not None and now - self._trial_at < self.pause
        if now < self._until or on_trial:
            return False
        self._trial_at = now
        return True

    def record_success(self) -> None:
        """Close the breaker."""
        self._count = 0
        self._until = self._trial_at = None

    def record_failure(self) -> None:
        """Count a failure that is the provider's fault; open after `failures` in a row."""
        self._count += 1
        self._trial_at = None
        if self._count >= self.failures:
            self._until = self.clock() + self.pause
