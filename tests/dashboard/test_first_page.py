"""What the first page costs with many errors: statements are counted, and their plans are read."""

from __future__ import annotations

import os
import re
import statistics
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest

from functions.dashboard.app import load_all
from functions.health.app import ROOTS as HEALTH_ROOTS
from functions.health.app import ROUTERS as HEALTH_ROUTERS
from kova.access.sign_in import LOCAL_OWNER
from kova.adapters.postgres import summary
from kova.bootstrap.core import Core
from kova.bootstrap.functions import build_roots
from kova.bootstrap.people import PeopleRoot
from kova.bootstrap.settings import load_settings
from kova.shared.meter import SilentMeter
from kova.web.app import create_app
from tests.support.errors import insert_errors
from tests.support.queues import make_queue

NUMBER = 100_000 if os.environ.get("STRESS") else 10_000
MOST_STATEMENTS = 10


class CountingMeter(SilentMeter):
    """Counts the statements of the database."""

    def __init__(self) -> None:
        self.statements = 0

    def observe(self, name: str, _value: float, /, **_labels: str) -> None:
        self.statements += name == "kova_database_statement_duration_seconds"


@pytest.fixture
async def first_page(
    database_url: str, redis_url: str
) -> AsyncIterator[tuple[httpx.AsyncClient, CountingMeter]]:
    """A signed-in client of an application over many errors, and what it asks of the database."""
    insert_errors(database_url, "octo/sample", NUMBER)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            """UPDATE errors SET status = 'fixed', fixed_at = first_seen_at + interval '2 days'
            WHERE start_line % 3 = 0"""
        )
        connection.execute("VACUUM ANALYZE errors")
    variables = {
        "KOVA_DATABASE_URL": database_url,
        "KOVA_REDIS_URL": redis_url,
        "KOVA_SCAN_QUEUE_URL": make_queue(),
    }
    core = Core(load_settings(variables))
    meter = CountingMeter()
    core.__dict__["meter"] = meter
    endpoints = load_all()
    roots = build_roots(core, {**endpoints.roots, **HEALTH_ROOTS})
    app = create_app(core, roots, [*endpoints.routers, *HEALTH_ROUTERS])
    opened = await PeopleRoot(core).sign_in.begin(LOCAL_OWNER, "a test")
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://localhost", cookies={"kova": opened.token}
    ) as client:
        yield client, meter
    await core.close()


async def test_the_first_page_asks_the_database_little(
    first_page: tuple[httpx.AsyncClient, CountingMeter],
) -> None:
    client, meter = first_page
    for _ in range(2):  # The first use of a connection checks the tables.
        meter.statements = 0
        answer = await client.get("/")
        assert answer.status_code == 200, answer.text
    assert "No scan yet" in answer.text
    assert 0 < meter.statements <= MOST_STATEMENTS


@pytest.mark.stress
async def test_the_first_page_is_within_three_times_of_health(
    first_page: tuple[httpx.AsyncClient, CountingMeter],
) -> None:
    """A ratio, side by side; `make stress` has 100,000 errors."""
    client, _ = first_page
    seconds: dict[str, list[float]] = {"/": [], "/health": []}
    for _ in range(15):
        for path, taken in seconds.items():
            started = time.perf_counter()
            assert (await client.get(path)).status_code == 200
            taken.append(time.perf_counter() - started)
    page, health = (statistics.median(taken) for taken in seconds.values())
    if os.environ.get("STRESS"):
        assert page <= 3 * health, f"{page * 1e3:.1f} ms, /health {health * 1e3:.1f} ms"


def test_no_figure_reads_the_whole_table(database_url: str) -> None:
    insert_errors(database_url, "octo/sample", 10_000)
    since = datetime.now(UTC).date() - timedelta(days=29)
    values = {"since": since, "month": since.replace(day=1), "last_fixed": 500}
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE errors SET status = 'fixed', fixed_at = now() WHERE start_line % 3 = 0"
        )
        connection.execute("VACUUM ANALYZE errors")
        for query, names in ((summary._ALL, {}), (summary._SOME, {"names": ["octo/sample"]})):
            rows = connection.execute(b"EXPLAIN " + query.encode(), {**values, **names}).fetchall()
            plan = "\n".join(row[0] for row in rows)
            if not names:
                assert not re.search(r"Seq Scan on errors\b", plan), plan
            assert "errors_fixed_lately" in plan, plan
