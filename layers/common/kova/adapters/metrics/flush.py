"""Bring what a process has counted to the common sums, each count exactly once."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from kova.adapters.metrics.meter import Growth, PrometheusMeter, Sample
from kova.shared.exceptions import RedisUnavailableError

_LOG = logging.getLogger("kova.metrics")


class Sums(Protocol):
    """Where the counts of all processes add up."""

    async def add(self, process: str, number: int, deltas: Mapping[Sample, float]) -> None:
        """Add the deltas; the same number of the same process again adds nothing.

        Raises:
            RedisUnavailableError: they were perhaps not added.
        """

    async def read(self) -> dict[Sample, float]:
        """Return the sums.

        Raises:
            RedisUnavailableError: they cannot be had.
        """


@dataclass(frozen=True, kw_only=True)
class _Parcel:
    number: int
    deltas: dict[Sample, float]


class Flusher:
    """Sends deltas in numbered parcels: one whose answer was lost is sent again as it was."""

    def __init__(self, meter: PrometheusMeter, sums: Sums) -> None:
        self._growth = Growth(meter)
        self._sums = sums
        self._process = uuid.uuid4().hex
        self._next = 1
        self._waiting: _Parcel | None = None
        self._lock = asyncio.Lock()

    async def flush(self) -> bool:
        """Send what is new; False when Redis does not answer: it waits for the next time."""
        async with self._lock:
            # First what waits, then what has come since.
            while parcel := self._waiting or self._pack():
                self._waiting = parcel
                try:
                    await self._sums.add(self._process, parcel.number, parcel.deltas)
                except RedisUnavailableError:
                    return False
                self._waiting = None
            return True

    async def run(self, interval: float) -> None:
        """Flush for ever, every so many seconds."""
        while True:
            await asyncio.sleep(interval)
            if not await self.flush():
                _LOG.warning("counts wait: Redis does not answer")

    def _pack(self) -> _Parcel | None:
        deltas = self._growth.take()
        if not deltas:
            return None
        self._next += 1
        return _Parcel(number=self._next - 1, deltas=deltas)
