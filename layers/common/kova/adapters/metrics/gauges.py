"""What is measured at the moment of a scrape."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Final, LiteralString

from kova.adapters.metrics.page import Gauge
from kova.adapters.postgres.pool import Database
from kova.adapters.sqs import queue_depths
from kova.shared.exceptions import KovaError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

    from kova.adapters.redis.connection import Redis

_PATIENCE: Final = 3.0
_OPEN: Final[LiteralString] = """
SELECT severity, sum(number)::bigint AS number FROM open_errors GROUP BY severity"""
# One row: what the database knows of scans, of this month's money and of itself.
_STATE: Final[LiteralString] = """
SELECT
    (SELECT greatest(coalesce(extract(epoch FROM now() - min(coalesce(retry_at, created_at))), 0),
        0)::float FROM scans WHERE status = 'queued') AS oldest_queued,
    coalesce((SELECT spent_usd FROM ai_spending
        WHERE scope = 'all' AND month = date_trunc('month', now() AT TIME ZONE 'UTC')::date), 0)
    + coalesce((SELECT sum(amount_usd) FROM ai_reservations
        WHERE month = date_trunc('month', now() AT TIME ZONE 'UTC')::date
        AND expires_at > now()), 0) AS spent,
    (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used,
    current_setting('max_connections')::int AS allowed,
    pg_database_size(current_database()) AS size"""
# A field of INFO, by the reading that shows it.
_REDIS_FIELDS: Final = {
    "kova_redis_memory_used_bytes": "used_memory",
    "kova_redis_memory_limit_bytes": "maxmemory",
    "kova_redis_clients": "connected_clients",
    "kova_redis_evicted_keys_total": "evicted_keys",
    "kova_redis_expired_keys_total": "expired_keys",
    "kova_redis_keyspace_hits_total": "keyspace_hits",
    "kova_redis_keyspace_misses_total": "keyspace_misses",
}


class Gauges:
    """Measures; what cannot be measured is left out, and counted as such."""

    def __init__(
        self,
        *,
        database: Database,
        sqs: SQSClient,
        queues: Mapping[str, str],
        redis: Redis | None,
        budget: Decimal | None,
    ) -> None:
        """`budget`: US dollars a month for all AI commands together; None for no limit."""
        self._database = database
        self._sqs = sqs
        self._queues = queues
        self._redis = redis
        self._budget = budget

    async def read(self) -> list[Gauge]:
        """Return every gauge that could be measured."""
        sources: dict[str, Callable[[], Awaitable[list[Gauge]]]] = {
            "database": self._from_database,
            "queue": self._from_queues,
        }
        if self._redis is not None:
            sources["redis"] = self._from_redis
        readings = await asyncio.gather(*(_read_in_time(source) for source in sources.values()))
        failed: dict[tuple[str, ...], float] = {
            (name,): float(reading is None) for name, reading in zip(sources, readings, strict=True)
        }
        gauges = [gauge for group in readings if group is not None for gauge in group]
        return [*gauges, Gauge(name="kova_scrape_failed", values=failed)]

    async def _from_database(self) -> list[Gauge]:
        async with self._database.reading() as connection:
            rows = await (await connection.execute(_OPEN)).fetchall()
            state = await (await connection.execute(_STATE)).fetchone()
        assert state is not None
        connections = self._database.connections()
        single = {
            "kova_oldest_queued_scan_age_seconds": state["oldest_queued"],
            "kova_budget_spent_usd": float(state["spent"]),
            "kova_database_connections_used": float(state["used"]),
            "kova_database_connections_limit": float(state["allowed"]),
            "kova_database_size_bytes": float(state["size"]),
        }
        if self._budget is not None:
            single["kova_budget_limit_usd"] = float(self._budget)
        return [
            *(Gauge(name=name, values={(): value}) for name, value in single.items()),
            Gauge(
                name="kova_open_errors",
                values={(row["severity"],): float(row["number"]) for row in rows},
            ),
            Gauge(
                name="kova_database_connections",
                values={(state,): float(number) for state, number in connections.items()},
            ),
        ]

    async def _from_queues(self) -> list[Gauge]:
        depths = await asyncio.to_thread(queue_depths, self._sqs, self._queues)
        values: dict[tuple[str, ...], float] = {
            key: float(number) for key, number in depths.items()
        }
        return [Gauge(name="kova_queue_messages", values=values)]

    async def _from_redis(self) -> list[Gauge]:
        assert self._redis is not None
        info = await self._redis.info()
        # A managed Redis leaves fields out; 0 is its way to say that there is no limit.
        return [
            Gauge(name=name, values={(): info[field]})
            for name, field in _REDIS_FIELDS.items()
            if field in info and not (field == "maxmemory" and info[field] == 0)
        ]


async def _read_in_time(read: Callable[[], Awaitable[list[Gauge]]]) -> list[Gauge] | None:
    try:
        async with asyncio.timeout(_PATIENCE):
            return await read()
    except (KovaError, TimeoutError):
        return None
