"""One suite for the budget in Postgres and its twin in memory."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

from kova.models.ports import BudgetScope
from kova.shared.exceptions import BudgetExhaustedError
from tests.support.stores import AllStores, new_key, new_repository_with_budget

HOUR = timedelta(hours=1)
DOLLAR = Decimal(1)


def total(cap: str | None) -> BudgetScope:
    return BudgetScope(api_key_id=None, repository=None, cap=Decimal(cap) if cap else None)


async def key_with_budget(stores: AllStores, budget: str) -> BudgetScope:
    key = await new_key(stores, monthly_budget_usd=Decimal(budget))
    return BudgetScope(api_key_id=key.id, repository=None, cap=None)


async def passes(stores: AllStores, scope: BudgetScope, amount: Decimal = DOLLAR) -> bool:
    try:
        await stores.budget.reserve(scope, amount, HOUR)
    except BudgetExhaustedError:
        return False
    return True


async def test_reservations_pass_up_to_the_cap_exactly(stores: AllStores) -> None:
    assert [await passes(stores, total("2")) for _ in range(3)] == [True, True, False]


async def test_one_that_is_refused_takes_no_room(stores: AllStores) -> None:
    assert not await passes(stores, total("2"), Decimal("2.000001"))
    assert await passes(stores, total("2"), Decimal(2))


async def test_without_a_cap_all_pass_and_count_for_a_later_cap(stores: AllStores) -> None:
    assert await passes(stores, total(None), Decimal(1_000))
    assert not await passes(stores, total("1000"))


async def test_of_forty_at_once_those_pass_that_fit(stores: AllStores) -> None:
    results = await asyncio.gather(*(passes(stores, total("7")) for _ in range(40)))
    assert sum(results) == 7


async def test_a_settled_reservation_counts_with_its_cost_once(stores: AllStores) -> None:
    reservation = await stores.budget.reserve(total("2"), Decimal(2), HOUR)
    await stores.budget.settle(reservation, Decimal("0.5"))
    await stores.budget.settle(reservation, Decimal("0.5"))
    assert not await passes(stores, total("2"), Decimal("1.500001"))
    assert await passes(stores, total("2"), Decimal("1.5"))


async def test_a_cost_above_the_reservation_counts_in_full(stores: AllStores) -> None:
    reservation = await stores.budget.reserve(total("3"), DOLLAR, HOUR)
    await stores.budget.settle(reservation, Decimal(3))
    assert not await passes(stores, total("3"), Decimal("0.000001"))


async def test_an_expired_reservation_takes_no_room_and_is_still_settled(
    stores: AllStores,
) -> None:
    reservation = await stores.budget.reserve(total("1"), DOLLAR, timedelta(seconds=-1))
    second = await stores.budget.reserve(total("1"), DOLLAR, HOUR)
    await stores.budget.settle(second, Decimal(0))
    await stores.budget.settle(reservation, DOLLAR)
    assert not await passes(stores, total("1"), Decimal("0.000001"))


async def test_settling_a_reservation_that_never_was_changes_nothing(stores: AllStores) -> None:
    await stores.budget.settle("00000000-0000-0000-0000-000000000000", DOLLAR)
    assert await passes(stores, total("1"))


async def test_a_key_has_a_cap_of_its_own(stores: AllStores) -> None:
    first, second = await key_with_budget(stores, "1"), await key_with_budget(stores, "1")
    assert [await passes(stores, first), await passes(stores, first)] == [True, False]
    assert await passes(stores, second)
    assert await passes(stores, total(None))


async def test_a_repository_has_a_cap_of_its_own_whatever_the_case_of_its_name(
    stores: AllStores,
) -> None:
    await new_repository_with_budget(stores, "1")
    scope = BudgetScope(api_key_id=None, repository="Octo/Sample", cap=None)
    unknown = BudgetScope(api_key_id=None, repository="octo/other", cap=None)
    assert [await passes(stores, scope), await passes(stores, scope)] == [True, False]
    assert await passes(stores, unknown)


async def test_what_one_cap_refuses_is_reserved_in_no_scope(stores: AllStores) -> None:
    key = await key_with_budget(stores, "5")
    both = BudgetScope(api_key_id=key.api_key_id, repository=None, cap=Decimal(1))
    assert [await passes(stores, both), await passes(stores, both)] == [True, False]
    assert await passes(stores, key, Decimal(4))
