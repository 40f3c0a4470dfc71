"""How long a scan has waited for a worker: one that waits for GitHub waits for no worker."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from kova.adapters.metrics.gauges import Gauges
from kova.adapters.postgres.pool import Database
from kova.adapters.sqs import sqs_client
from tests.support.queues import environment
from tests.support.stores import new_claim, new_repository, postgres_stores


async def oldest(url: str) -> float:
    environment()
    database = Database(url)
    try:
        gauges = await Gauges(
            database=database, sqs=sqs_client(), queues={}, redis=None, budget=None
        ).read()
    finally:
        await database.close()
    (gauge,) = [gauge for gauge in gauges if gauge.name == "kova_oldest_queued_scan_age_seconds"]
    return gauge.values[()]


async def test_only_what_is_due_is_late(database_url: str) -> None:
    async with postgres_stores(database_url) as stores:
        claim = await new_claim(stores, await new_repository(stores))
        with psycopg.connect(database_url) as connection:
            connection.execute("UPDATE scans SET created_at = now() - interval '5 hours'")
        await stores.scans.postpone(claim, timedelta(minutes=15))
        assert await oldest(database_url) == 0
        with psycopg.connect(database_url) as connection:
            connection.execute("UPDATE scans SET retry_at = retry_at - interval '30 minutes'")
        assert await oldest(database_url) == pytest.approx(900, abs=60)
        await stores.scans.fail(claim.id, "x")
        assert await oldest(database_url) == 0
        assert await stores.recovery.reopen(claim.id)
        assert await oldest(database_url) < 60
