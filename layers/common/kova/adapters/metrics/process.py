"""The metrics of one process: counted here, summed with those of others, shown on one page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

from kova.adapters.metrics.flush import Flusher, Sums
from kova.adapters.metrics.meter import Growth, PrometheusMeter
from kova.shared.exceptions import RedisUnavailableError

if TYPE_CHECKING:
    from kova.adapters.metrics.page import Gauge

_INTERVAL_SECONDS: Final = 1.0


class ProcessMetrics:
    """The meter, what brings its counts to the sums of all processes, and the page."""

    def __init__(self, sums: Sums | None, *, cloudwatch: bool = False) -> None:
        """Without sums the page shows this process alone; `cloudwatch` is for Lambda."""
        self.meter = PrometheusMeter()
        self._growth = Growth(self.meter) if cloudwatch else None
        self._sums = sums
        self._flusher = Flusher(self.meter, sums) if sums else None

    async def flush(self) -> None:
        """Bring counts to the sums now."""
        if self._flusher:
            await self._flusher.flush()

    async def end_invocation(self) -> None:
        """Bring a Lambda's counts to the sums and to CloudWatch: it may never run again."""
        await self.flush()
        if self._growth:
            from kova.adapters.metrics import emf  # Powertools: only where it is a Lambda.

            emf.write(self._growth.take())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Bring counts to the sums every second, and the last ones at the end."""
        if self._flusher is None:
            yield
            return
        task = asyncio.create_task(self._flusher.run(_INTERVAL_SECONDS))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await self._flusher.flush()

    async def page(self, gauges: Sequence[Gauge]) -> bytes:
        """Return the page: the sums of all, or of this process while they cannot be read."""
        from kova.adapters.metrics.page import Gauge, render

        await self.flush()
        common = self._sums is not None
        samples = self.meter.samples()
        if self._sums is not None:
            try:
                samples = await self._sums.read()
            except RedisUnavailableError:
                common = False
        source = Gauge(name="kova_metrics_common", values={(): float(common)})
        return render(samples, [*gauges, source])
