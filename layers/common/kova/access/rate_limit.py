"""Rate limits: at most `quota` calls in any `window`, exactly.

The times of admitted calls are kept, at most `quota` of them. A call is admitted when fewer than
`quota` of them lie within the window before it. So there is no boundary at which twice the quota
would pass.
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
    """The decision of a limit about one call.

    Attributes:
        policy: the limit.
        allowed: whether the call is admitted.
        remaining: how many more calls would be admitted now.
        reset: seconds until one more than `remaining` would be admitted.
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

    def give_back(self) -> None:
        """Forget the latest call, where there is one."""
        if self._calls:
            self._calls.pop()

    def take(self, policy: Policy, now: float) -> Verdict:
        """Admit a call, or refuse it and return when the next one may pass."""
        calls = self._calls
        while calls and calls[0] <= now - policy.window:
            calls.popleft()
        allowed = len(calls) < policy.quota
        if allowed:
            calls.append(now)
        # The call that makes room when it leaves the window: not the oldest after a lower quota.
        blocking = calls[0] if allowed else calls[len(calls) - policy.quota]
        return Verdict(
            policy=policy,
            allowed=allowed,
            remaining=max(policy.quota - len(calls), 0),
            # A rounding error could exceed the window, which would be rounded up to a second more.
            reset=min(blocking + policy.window - now, policy.window),
        )
