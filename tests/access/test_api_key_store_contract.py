"""One suite for API keys in Postgres and their twin in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from kova.access.api_key import ApiKey, Scope, generate_key
from kova.access.ports import ApiKeyStore
from kova.adapters.memory.api_keys import MemoryApiKeyStore
from kova.adapters.postgres.api_keys import PostgresApiKeyStore
from kova.shared.page import PageRequest
from tests.support.postgres import opened_database

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture(params=["memory", "postgres"])
async def keys(request: pytest.FixtureRequest) -> AsyncIterator[ApiKeyStore]:
    if request.param == "memory":
        yield MemoryApiKeyStore()
        return
    async with opened_database() as database:
        yield PostgresApiKeyStore(database)


async def create(keys: ApiKeyStore, name: str = "ci", **values: object) -> ApiKey:
    new_key = generate_key()
    fields: dict[str, object] = {"scopes": frozenset({Scope.READ}), "expires_at": None, **values}
    return await keys.create(
        name=name,
        prefix=new_key.prefix,
        secret_hash=new_key.secret_hash,
        **fields,  # type: ignore[arg-type]
    )


async def test_a_key_is_found_by_its_prefix_with_all_that_it_was_created_with(
    keys: ApiKeyStore,
) -> None:
    created = await create(
        keys,
        "für CI",
        scopes=frozenset({Scope.AI, Scope.ADMIN}),
        expires_at=NOON,
        monthly_budget_usd=Decimal("12.5"),
    )
    await create(keys)
    found = await keys.use(created.prefix, NOON)
    assert found == created
    assert (created.name, created.expires_at) == ("für CI", NOON)
    assert created.scopes == {Scope.AI, Scope.ADMIN}
    assert created.monthly_budget_usd == Decimal("12.5")
    assert created.created_at.tzinfo is not None


async def test_no_other_prefix_finds_it(keys: ApiKeyStore) -> None:
    created = await create(keys)
    assert await keys.use(created.prefix[:-1], NOON) is None
    assert await keys.use("", NOON) is None


async def test_a_name_that_cannot_be_stored_is_cleaned(keys: ApiKeyStore) -> None:
    assert (await create(keys, "a\0b\ud800")).name == "a\ufffdb\ufffd"


async def test_a_use_is_noted_at_most_once_a_minute(keys: ApiKeyStore) -> None:
    created = await create(keys)
    uses = {}
    for seconds in (0, 59, 61):
        await keys.use(created.prefix, NOON + timedelta(seconds=seconds))
        (uses[seconds],) = [key.last_used_at for key in await keys.list()]
    later = NOON + timedelta(seconds=61)
    assert uses == {0: NOON, 59: NOON, 61: later}


async def test_a_revoked_key_is_found_as_revoked_and_its_use_is_not_noted(
    keys: ApiKeyStore,
) -> None:
    created = await create(keys)
    revoked = await keys.revoke(created.prefix, NOON)
    assert revoked is not None
    assert revoked.revoked_at == NOON
    assert not revoked.is_usable(NOON)
    assert await keys.use(created.prefix, NOON + timedelta(hours=1)) == revoked
    assert [key.last_used_at for key in await keys.list()] == [None]


async def test_revoking_again_keeps_the_first_moment_and_an_unknown_key_is_none(
    keys: ApiKeyStore,
) -> None:
    created = await create(keys)
    first = await keys.revoke(created.prefix, NOON)
    assert await keys.revoke(created.prefix, NOON + timedelta(days=1)) == first
    assert await keys.revoke("nobody", NOON) is None


async def test_keys_are_listed_oldest_first_and_paged_newest_first(keys: ApiKeyStore) -> None:
    created = [await create(keys, f"k{number}") for number in range(5)]
    assert await keys.list() == created
    first = await keys.page(PageRequest(limit=2))
    second = await keys.page(PageRequest(limit=2, after=first.next))
    last = await keys.page(PageRequest(limit=2, after=second.next))
    pages = [*first.items, *second.items, *last.items]
    assert pages == created[::-1]
    assert last.next is None


async def test_a_page_that_holds_the_rest_has_no_next(keys: ApiKeyStore) -> None:
    await create(keys)
    assert (await keys.page(PageRequest(limit=1))).next is None
