"""The metrics of one process: counted here, summed in Redis, shown on one page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from kova.adapters.metrics.flush import Flusher
from kova.adapters.metrics.meter import Growth, PrometheusMeter
from kova.adapters.metrics.page import Gauge, render
from kova.adapters.redis.connection import Redis
from kova.adapters.redis.sums import RedisSums
from kova.bootstrap.settings import Settings
from kova.shared.exceptions import RedisUnavailableError

_INTERVAL: Final = 1.0


class Metrics:
    """The meter, what brings its counts to Redis, and the page."""

    def __init__(self, redis: Redis | None, *, cloudwatch: bool = False) -> None:
        """Take Redis (without it the page shows this process alone), and whether it is a Lambda."""
        self.meter = PrometheusMeter()
        self._growth = Growth(self.meter) if cloudwatch else None
        self._sums = RedisSums(redis) if redis else None
        self._flusher = Flusher(self.meter, self._sums) if self._sums else None

    async def flush(self) -> None:
        """Bring counts to Redis now."""
        if self._flusher:
            await self._flusher.flush()

    async def end_invocation(self) -> None:
        """Bring a Lambda's counts to Redis and to CloudWatch: it may never run again."""
        await self.flush()
        if self._growth:
            from kova.adapters.metrics import emf  # Powertools: only where it is a Lambda.

            emf.write(self._growth.take())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Bring counts to Redis every second, and the last ones at the end."""
        if self._flusher is None:
            yield
            return
        task = asyncio.create_task(self._flusher.run(_INTERVAL))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await self._flusher.flush()

    async def page(self, gauges: list[Gauge]) -> bytes:
        """Return the page: the sums of all, or of this process while Redis does not answer."""
        await self.flush()
        common = self._sums is not None
        sums = self.meter.samples()
        if self._sums is not None:
            try:
                sums = await self._sums.read()
            except RedisUnavailableError:
                common = False
        told = Gauge(
            name="kova_metrics_common",
            help="1 where counters are the sums of all processes, 0 where of this one alone.",
            labels=(),
            values={(): float(common)},
        )
        return render(sums, [*gauges, told])


def queue_urls(settings: Settings) -> dict[str, str]:
    """Return the URLs of the configured queues by name."""
    urls = {
        "scan": settings.scan_queue_url,
        "fix": settings.fix_queue_url,
        "command": settings.ai.command_queue_url,
    }
    return {name: url for name, url in urls.items() if url}
