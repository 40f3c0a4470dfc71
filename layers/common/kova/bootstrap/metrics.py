"""The page that Prometheus reads, put together."""

from __future__ import annotations

from kova.adapters.metrics.gauges import Gauges
from kova.bootstrap.core import Core
from kova.bootstrap.settings import Settings


class MetricsRoot:
    """Implements web.services.MetricsServices."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def metrics_page(self) -> bytes:
        """Return the sums of all processes and what is measured now."""
        core = self._core
        gauges = Gauges(
            database=core.database,
            sqs=core.sqs,
            queues=queue_urls(core.settings),
            redis=core.redis,
            budget=core.settings.ai.monthly_budget_usd,
        )
        return await core.metrics.page(await gauges.read())

    @property
    def metrics_token(self) -> str | None:
        """The bearer token of Prometheus."""
        return self._core.settings.metrics_token


def queue_urls(settings: Settings) -> dict[str, str]:
    """Return the URLs of the configured queues by name."""
    urls = {
        "scan": settings.scan_queue_url,
        "fix": settings.fix_queue_url,
        "command": settings.ai.command_queue_url,
    }
    return {name: url for name, url in urls.items() if url}
