"""What happens to admissions while Redis does not answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from kova.access.admission import Admission, Caller
from kova.access.api_key import ApiKey
from kova.access.ports import Admissions
from kova.shared.exceptions import RedisUnavailableError

_LOG = logging.getLogger("kova.redis")


class AdmissionsWithFallback:
    """Admissions in Redis, and while it does not answer those of this process (docs/adr/0008)."""

    def __init__(
        self,
        shared: Admissions,
        own: Admissions,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: float = 1.0,
    ) -> None:
        """`clock` and `pause` are in seconds; after a failure Redis is not asked for `pause`."""
        self._shared = shared
        self._own = own
        self._clock = clock
        self._pause = pause
        self._again_at = 0.0

    async def admit(
        self, caller: Caller, remember: ApiKey | None = None, *, gives_back: bool = False
    ) -> Admission:
        """Count one call, here if Redis cannot."""
        if self._clock() >= self._again_at:
            try:
                return await self._shared.admit(caller, remember, gives_back=gives_back)
            except RedisUnavailableError:
                self._again_at = self._clock() + self._pause
                _LOG.warning("rate limits are counted by this process alone: Redis is away")
        return await self._own.admit(caller, remember, gives_back=gives_back)

    async def forget(self, prefix: str) -> None:
        """Forget a key in both."""
        await self._own.forget(prefix)
        try:
            await self._shared.forget(prefix)
        except RedisUnavailableError:
            # It is forgotten by itself after KEY_SECONDS.
            _LOG.warning("a revoked key may pass for some seconds: Redis is away")
