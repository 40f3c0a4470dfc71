"""What has to happen from time to time: workers call it often, it acts seldom."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from kova.domain.errors import UnavailableError
from kova.ports.stores import ErrorStore

_LOG = logging.getLogger("kova.housekeep")
_INTERVAL: Final = 60.0


class Housekeep:
    """Opens errors whose time of being ignored is over."""

    def __init__(self, *, errors: ErrorStore, clock: Callable[[], float]) -> None:
        """Take where errors are kept, and a clock in seconds."""
        self._errors = errors
        self._clock = clock
        self._again_at = 0.0

    async def run(self) -> None:
        """Do what is due, at most once a minute; what fails is due again then."""
        now = self._clock()
        if now < self._again_at:
            return
        self._again_at = now + _INTERVAL
        try:
            opened = await self._errors.expire()
        except UnavailableError as exc:
            _LOG.warning("housekeeping waits", extra={"reason": exc.reason})
            return
        if opened:
            _LOG.info("ignored errors are open again", extra={"errors": opened})
