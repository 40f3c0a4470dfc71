"""The sums of all processes' counts, in one hash."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from importlib.resources import files
from typing import Final

from kova.adapters.metrics.meter import Sample
from kova.adapters.redis import keys
from kova.adapters.redis.connection import Redis, translate_errors

# Far longer than anything else lives here, so that a full memory takes it last.
KEPT: Final = timedelta(days=400)
# A parcel is sent again within moments; a process that is silent for longer is gone.
REMEMBERED: Final = timedelta(hours=6)


class RedisSums:
    """Implements adapters.metrics.flush.Sums."""

    def __init__(self, redis: Redis) -> None:
        self._client = redis.untimed_client
        source = (files("kova.adapters.redis") / "add.lua").read_text()
        self._script = redis.untimed_client.register_script(source)

    async def add(self, process: str, number: int, deltas: Mapping[Sample, float]) -> None:
        """Add the deltas in one round trip."""
        arguments: list[str | int] = [
            *(number, int(REMEMBERED.total_seconds()), int(KEPT.total_seconds()))
        ]
        for sample, delta in deltas.items():
            arguments += [json.dumps(sample, separators=(",", ":")), repr(delta)]
        with translate_errors():
            await self._script(
                keys=[keys.metric_sums(), keys.metric_parcel(process)], args=arguments
            )

    async def read(self) -> dict[Sample, float]:
        """Return the sums."""
        with translate_errors():
            sums = await self._client.hgetall(keys.metric_sums())
        return {_sample(field): float(value) for field, value in sums.items()}


def _sample(field: bytes | str) -> Sample:
    name, labels = json.loads(field)
    return name, tuple((key, value) for key, value in labels)
