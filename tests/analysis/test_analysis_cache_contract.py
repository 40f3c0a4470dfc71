"""One suite for the cache of analyses in Postgres and its twin in memory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from kova.adapters.memory.cache import MemoryAnalysisCache
from kova.adapters.memory.clock import Clock
from kova.adapters.memory.database import MemoryDatabase
from tests.support.stores import AllStores, new_repository

KEYS = [b"a", b"b", b"c", b"d"]


async def test_payloads_come_back_and_a_file_without_findings_is_one_too(stores: AllStores) -> None:
    repository = await new_repository(stores)
    await stores.cache.store(repository.id, {b"a": b"findings", b"b": None})
    assert await stores.cache.load(repository.id, KEYS) == {b"a": b"findings", b"b": None}
    assert await stores.cache.load(repository.id, []) == {}


async def test_what_is_stored_again_replaces_the_first(stores: AllStores) -> None:
    repository = await new_repository(stores)
    await stores.cache.store(repository.id, {b"a": b"old"})
    await stores.cache.store(repository.id, {b"a": None})
    assert await stores.cache.load(repository.id, KEYS) == {b"a": None}


async def test_repositories_do_not_share_what_is_cached(stores: AllStores) -> None:
    repository = await new_repository(stores)
    other = await new_repository(stores, "octo/other")
    await stores.cache.store(repository.id, {b"a": b"secret"})
    assert await stores.cache.load(other.id, KEYS) == {}


async def test_beyond_the_size_the_oldest_goes_first(stores: AllStores) -> None:
    """The size is 1,000 bytes; a row takes 100 more than its payload."""
    repository = await new_repository(stores)
    other = await new_repository(stores, "octo/other")
    await stores.cache.store(other.id, {b"a": b"x" * 800})
    for key in KEYS:
        await stores.cache.store(repository.id, {key: b"x" * 250})
    await stores.cache.clean(repository.id)
    assert set(await stores.cache.load(repository.id, KEYS)) == {b"c", b"d"}
    assert set(await stores.cache.load(other.id, KEYS)) == {b"a"}


async def test_nothing_is_deleted_within_age_and_size(stores: AllStores) -> None:
    repository = await new_repository(stores)
    await stores.cache.store(repository.id, dict.fromkeys(KEYS))
    await stores.cache.clean(repository.id)
    assert set(await stores.cache.load(repository.id, KEYS)) == set(KEYS)


async def test_what_nobody_uses_for_long_is_deleted_in_memory() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    database = MemoryDatabase(clock=Clock(read=lambda: moment))
    cache = MemoryAnalysisCache(database, age=timedelta(days=3))
    await cache.store("r", {b"used": b"x", b"unused": b"x"})
    moment += timedelta(days=2)
    await cache.load("r", [b"used"])
    moment += timedelta(days=2)
    await cache.clean("r")
    assert set(await cache.load("r", [b"used", b"unused"])) == {b"used"}
