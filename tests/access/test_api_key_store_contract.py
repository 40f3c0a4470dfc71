"""One suite for API keys in Postgres and their twin in memory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from kova.access.api_key import Scope
from kova.shared.page import PageRequest
from kova.shared.reach import EVERYTHING, reach_of
from tests.support.stores import AllStores, new_key

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


async def test_a_key_is_found_by_its_prefix_with_all_that_it_was_created_with(
    stores: AllStores,
) -> None:
    created = await new_key(
        stores,
        "für CI",
        scopes=frozenset({Scope.AI, Scope.ADMIN}),
        expires_at=NOON,
        monthly_budget_usd=Decimal("12.5"),
        reach=reach_of(["octo/a", "Octo/B"]),
    )
    await new_key(stores)
    found = await stores.keys.use(created.prefix, created.secret_hash, NOON)
    assert found == created
    assert (created.name, created.expires_at) == ("für CI", NOON)
    assert created.scopes == {Scope.AI, Scope.ADMIN}
    assert created.monthly_budget_usd == Decimal("12.5")
    assert created.created_at.tzinfo is not None
    assert created.reach == reach_of(["octo/b", "octo/a"])


async def test_a_key_reaches_everything_or_nothing_where_it_was_made_so(stores: AllStores) -> None:
    for reach in (EVERYTHING, reach_of([])):
        created = await new_key(stores, reach=reach)
        found = await stores.keys.use(created.prefix, created.secret_hash, NOON)
        assert found is not None
        assert found.reach == reach


async def test_no_other_prefix_finds_it(stores: AllStores) -> None:
    created = await new_key(stores)
    assert await stores.keys.use(created.prefix[:-1], created.secret_hash, NOON) is None
    assert await stores.keys.use("", created.secret_hash, NOON) is None
    assert await stores.keys.use(created.prefix, b"\0" * 32, NOON) is None
    assert [key.last_used_at for key in await stores.keys.list()] == [None]


async def test_a_name_that_cannot_be_stored_is_cleaned(stores: AllStores) -> None:
    assert (await new_key(stores, "a\0b\ud800")).name == "a\ufffdb\ufffd"


async def test_a_use_is_noted_at_most_once_a_minute(stores: AllStores) -> None:
    created = await new_key(stores)
    uses = {}
    for seconds in (0, 59, 61):
        await stores.keys.use(
            created.prefix, created.secret_hash, NOON + timedelta(seconds=seconds)
        )
        (uses[seconds],) = [key.last_used_at for key in await stores.keys.list()]
    later = NOON + timedelta(seconds=61)
    assert uses == {0: NOON, 59: NOON, 61: later}


async def test_a_revoked_key_is_found_as_revoked_and_its_use_is_not_noted(
    stores: AllStores,
) -> None:
    created = await new_key(stores)
    revoked = await stores.keys.revoke(created.prefix, NOON)
    assert revoked is not None
    assert revoked.revoked_at == NOON
    assert not revoked.is_usable(NOON)
    assert (
        await stores.keys.use(created.prefix, created.secret_hash, NOON + timedelta(hours=1))
        == revoked
    )
    assert [key.last_used_at for key in await stores.keys.list()] == [None]


async def test_revoking_again_keeps_the_first_moment_and_an_unknown_key_is_none(
    stores: AllStores,
) -> None:
    created = await new_key(stores)
    first = await stores.keys.revoke(created.prefix, NOON)
    assert await stores.keys.revoke(created.prefix, NOON + timedelta(days=1)) == first
    assert await stores.keys.revoke("nobody", NOON) is None


async def test_keys_are_listed_oldest_first_and_paged_newest_first(stores: AllStores) -> None:
    created = [await new_key(stores, f"k{number}") for number in range(5)]
    assert await stores.keys.list() == created
    first = await stores.keys.page(PageRequest(limit=2))
    second = await stores.keys.page(PageRequest(limit=2, after=first.next))
    last = await stores.keys.page(PageRequest(limit=2, after=second.next))
    pages = [*first.items, *second.items, *last.items]
    assert pages == created[::-1]
    assert last.next is None


async def test_a_page_that_holds_the_rest_has_no_next(stores: AllStores) -> None:
    await new_key(stores)
    assert (await stores.keys.page(PageRequest(limit=1))).next is None
