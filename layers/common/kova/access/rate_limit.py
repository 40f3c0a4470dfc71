"""Rate limits: at most `quota` calls in any `window`, exactly.

The times of the calls that were let through are kept, no more of them than the quota. A call is let
through when fewer than the quota lie within the window before it; so there is no boundary at which
twice the quota would pass, and no allowance that grows while a test runs.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

WINDOW_SECONDS: Final = 60


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A named limit: `quota` calls in any `window` seconds."""

    name: str
    quota: int
    window: int = WINDOW_SECONDS


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a limit says of one call.

    Attributes:
        policy: the limit.
        allowed: whether the call may go on.
        remaining: how many more calls would pass at this moment.
        reset: seconds until one more than `remaining` would pass.
    """

    policy: Policy
    allowed: bool
    remaining: int
    reset: float

    @property
    def reset_seconds(self) -> int:
        """`reset` as whole seconds, at least 1."""
        return max(math.ceil(self.reset), 1)


class SlidingWindow:
    """The calls of one caller under one policy. Times are seconds on any clock that only grows."""

    def __init__(self) -> None:
        self._calls: deque[float] = deque()

    def take(self, policy: Policy, now: float) -> Verdict:
        """Let a call through, or say when the next one may pass."""
        calls = self._calls
        while calls and calls[0] <= now - policy.window:
            calls.popleft()
        allowed = len(calls) < policy.quota
        if allowed:
            calls.append(now)
        # The call whose end makes room: the oldest, or a later one if the quota was lowered.
        blocking = calls[0] if allowed else calls[len(calls) - policy.quota]
        return Verdict(
            policy=policy,
            allowed=allowed,
            remaining=max(policy.quota - len(calls), 0),
            # Sums of floats may pass the window by a hair, which would be told as a second more.
            reset=min(blocking + policy.window - now, policy.window),
        )
