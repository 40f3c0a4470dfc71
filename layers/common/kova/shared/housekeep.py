"""What has to happen from time to time: workers call it often, it acts seldom."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from kova.shared.exceptions import UnavailableError

_LOG = logging.getLogger("kova.housekeep")
_INTERVAL: Final = 60.0

Chore = Callable[[], Awaitable[int]]
"""Does what is due and returns how many things it was."""


class Housekeep:
    """Does chores at most once a minute; one that fails is due again then."""

    def __init__(self, chores: Mapping[str, Chore], *, clock: Callable[[], float]) -> None:
        """Take the chores by name, and a clock in seconds."""
        self._chores = chores
        self._clock = clock
        self._again_at = 0.0

    async def run(self) -> None:
        """Do what is due."""
        now = self._clock()
        if now < self._again_at:
            return
        self._again_at = now + _INTERVAL
        for name, chore in self._chores.items():
            try:
                number = await chore()
            except UnavailableError as exc:
                _LOG.warning("a chore waits", extra={"chore": name, "reason": exc.reason})
                continue
            if number:
                _LOG.info("a chore is done", extra={"chore": name, "number": number})
