"""Admissions of one process: exact, but each process counts for itself."""

from __future__ import annotations

import hmac
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from kova.access.admission import KEY_SECONDS, VALID_SECONDS, Admission, Caller, Credentials
from kova.access.api_key import ApiKey
from kova.access.rate_limit import Policy, SlidingWindow, Verdict

_MOST_CALLERS: Final = 10_000
_MOST_KEYS: Final = 1_000


class MemoryAdmissions:
    """Implements access.ports.Admissions. All memories are bounded, the oldest goes first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: OrderedDict[tuple[str, str], SlidingWindow] = OrderedDict()
        self._keys: OrderedDict[str, tuple[float, ApiKey]] = OrderedDict()
        self._valid: OrderedDict[Credentials, float] = OrderedDict()

    async def admit(
        self, caller: Caller, remember: ApiKey | None = None, *, gives_back: bool = False
    ) -> Admission:
        """Count one call."""
        now = self._clock()
        if remember is not None:
            self._remember(caller, remember, now)
            if gives_back:
                self._window(caller.anonymous, caller.address).give_back()
        credentials = caller.credentials
        if credentials is None:
            return self._stranger(caller, now)
        until, key = self._keys.get(credentials.prefix, (now, None))
        if key is None or until <= now:
            is_valid = self._valid.get(credentials, now) > now
            look_up = None if is_valid else self._take(caller.anonymous, caller.address, now)
            return Admission(key=None, verdict=None, look_up=look_up)
        if not hmac.compare_digest(key.secret_hash, credentials.secret_hash):
            return self._stranger(caller, now)
        return Admission(key=key, verdict=self._take(caller.policy, key.prefix, now))

    async def forget(self, prefix: str) -> None:
        """Forget a key."""
        self._keys.pop(prefix, None)

    def _stranger(self, caller: Caller, now: float) -> Admission:
        return Admission(key=None, verdict=self._take(caller.anonymous, caller.address, now))

    def _remember(self, caller: Caller, key: ApiKey, now: float) -> None:
        self._keys[key.prefix] = (now + KEY_SECONDS, key)
        if len(self._keys) > _MOST_KEYS:
            self._keys.popitem(last=False)
        if caller.credentials is not None:
            self._valid[caller.credentials] = now + VALID_SECONDS
            if len(self._valid) > _MOST_KEYS:
                self._valid.popitem(last=False)

    def _take(self, policy: Policy, name: str, now: float) -> Verdict:
        return self._window(policy, name).take(policy, now)

    def _window(self, policy: Policy, name: str) -> SlidingWindow:
        window = self._windows.setdefault((policy.name, name), SlidingWindow())
        self._windows.move_to_end((policy.name, name))
        if len(self._windows) > _MOST_CALLERS:
            self._windows.popitem(last=False)
        return window
