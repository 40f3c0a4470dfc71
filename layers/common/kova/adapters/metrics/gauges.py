"""What is measured at the moment of a scrape."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final, LiteralString

from kova.adapters.metrics.page import Gauge
from kova.adapters.postgres.pool import Database
from kova.adapters.sqs import queue_depths
from kova.shared.exceptions import KovaError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_PATIENCE: Final = 3.0
_OPEN: Final[LiteralString] = """
SELECT severity, sum(number)::bigint AS number FROM open_errors GROUP BY severity"""
_AGE: Final[LiteralString] = """
SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0)::float AS age
FROM scans WHERE status = 'queued'"""


class Gauges:
    """Measures; what cannot be measured is left out, and counted as such."""

    def __init__(self, *, database: Database, sqs: SQSClient, queues: Mapping[str, str]) -> None:
        self._database = database
        self._sqs = sqs
        self._queues = queues

    async def read(self) -> list[Gauge]:
        """Return every gauge that could be measured."""
        sources: dict[str, Callable[[], Awaitable[list[Gauge]]]] = {
            "database": self._from_database,
            "queue": self._from_queues,
        }
        readings = await asyncio.gather(*(_read_in_time(source) for source in sources.values()))
        failed: dict[tuple[str, ...], float] = {
            (name,): float(reading is None) for name, reading in zip(sources, readings, strict=True)
        }
        gauges = [gauge for group in readings if group is not None for gauge in group]
        gauges.append(
            Gauge(
                name="kova_scrape_failed",
                help="1 where a source of gauges did not answer.",
                labels=("source",),
                values=failed,
            )
        )
        return gauges

    async def _from_database(self) -> list[Gauge]:
        async with self._database.reading() as connection:
            rows = await (await connection.execute(_OPEN)).fetchall()
            age = await (await connection.execute(_AGE)).fetchone()
        assert age is not None
        connections = self._database.connections()
        return [
            Gauge(
                name="kova_open_errors",
                help="Open errors of all repositories.",
                labels=("severity",),
                values={(row["severity"],): float(row["number"]) for row in rows},
            ),
            Gauge(
                name="kova_oldest_queued_scan_age_seconds",
                help="Age of the oldest scan that waits for a worker.",
                labels=(),
                values={(): age["age"]},
            ),
            Gauge(
                name="kova_database_connections",
                help="This process's connections to the database.",
                labels=("state",),
                values={(state,): float(number) for state, number in connections.items()},
            ),
        ]

    async def _from_queues(self) -> list[Gauge]:
        depths = await asyncio.to_thread(queue_depths, self._sqs, self._queues)
        return [
            Gauge(
                name="kova_queue_messages",
                help="Messages by queue and state; dead are those given up.",
                labels=("queue", "state"),
                values={key: float(number) for key, number in depths.items()},
            )
        ]


async def _read_in_time(read: Callable[[], Awaitable[list[Gauge]]]) -> list[Gauge] | None:
    try:
        async with asyncio.timeout(_PATIENCE):
            return await read()
    except (KovaError, TimeoutError):
        return None
