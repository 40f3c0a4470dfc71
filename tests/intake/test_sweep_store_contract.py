"""How far webhooks were swept: in memory and in Postgres alike."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from kova.adapters.memory.database import MemoryDatabase
from kova.adapters.memory.deliveries import MemoryDeliveryStore
from kova.adapters.memory.sweeps import MemorySweepStore
from kova.adapters.postgres.deliveries import PostgresDeliveryStore
from kova.adapters.postgres.pool import Database
from kova.adapters.postgres.sweeps import PostgresSweepStore
from kova.intake.ports import SweepStore

MOMENT = datetime(2026, 11, 29, 12, tzinfo=UTC)
LEASE = timedelta(minutes=5)


Deliveries = MemoryDeliveryStore | PostgresDeliveryStore


@pytest.fixture(params=["memory", "postgres"])
async def stores(
    request: pytest.FixtureRequest,
) -> AsyncIterator[tuple[SweepStore, Deliveries]]:
    if request.param == "memory":
        memory = MemoryDatabase()
        yield MemorySweepStore(memory), MemoryDeliveryStore(memory)
        return
    database = Database(request.getfixturevalue("database_url"), max_size=2)
    try:
        yield PostgresSweepStore(database), PostgresDeliveryStore(database)
    finally:
        await database.close()


async def test_one_at_a_time_sweeps_a_webhook(
    stores: tuple[SweepStore, Deliveries],
) -> None:
    sweeps, _ = stores
    claim = await sweeps.claim("app/hook", LEASE)
    assert claim is not None
    assert claim.swept_to is None
    assert await sweeps.claim("app/hook", LEASE) is None
    assert await sweeps.claim("repos/octo/sample/hooks/1", LEASE) is not None
    await sweeps.finish(claim, MOMENT)
    again = await sweeps.claim("app/hook", timedelta(0))
    assert again is not None
    assert again.swept_to == MOMENT


async def test_a_claim_is_kept_until_it_is_lost_or_given_back(
    stores: tuple[SweepStore, Deliveries],
) -> None:
    sweeps, _ = stores
    claim = await sweeps.claim("app/hook", timedelta(seconds=-1))
    assert claim is not None
    assert await sweeps.renew(claim, LEASE)
    assert await sweeps.claim("app/hook", LEASE) is None
    await sweeps.finish(claim, MOMENT)
    assert not await sweeps.renew(claim, LEASE)
    assert await sweeps.claim("app/hook", LEASE) is not None
    assert not await sweeps.renew(claim, LEASE)


async def test_a_lost_claim_records_nothing(
    stores: tuple[SweepStore, Deliveries],
) -> None:
    sweeps, _ = stores
    lost = await sweeps.claim("app/hook", timedelta(seconds=-1))
    claim = await sweeps.claim("app/hook", LEASE)
    assert lost is not None
    assert claim is not None
    await sweeps.finish(lost, MOMENT)
    assert await sweeps.claim("app/hook", LEASE) is None
    await sweeps.finish(claim, MOMENT + LEASE)
    last = await sweeps.claim("app/hook", LEASE)
    assert last is not None
    assert last.swept_to == MOMENT + LEASE


async def test_handled_deliveries_are_told_apart(
    stores: tuple[SweepStore, Deliveries],
) -> None:
    _, deliveries = stores
    await deliveries.remember("done", "push", None)
    assert await deliveries.handled(["done", "other", "nul\0"]) == {"done"}
    assert await deliveries.handled([]) == frozenset()
