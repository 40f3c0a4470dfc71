"""One suite for the figures of Postgres and their twin in memory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from kova.errors.error import ErrorStatus, IgnoreDecision
from kova.errors.ports import ErrorFilter
from kova.models.ports import BudgetScope
from kova.scans.summary import DayCount, ErrorSummary
from kova.shared.page import PageRequest
from kova.shared.reach import EVERYTHING, Reach
from tests.support.stores import NAME, AllStores, apply_files, new_repository

FIRST, SECOND = "1" * 40, "2" * 40
LIFETIME = timedelta(minutes=5)


async def summarize(stores: AllStores, reach: Reach = EVERYTHING) -> ErrorSummary:
    # The twin's clock may be a little ahead.
    today = (datetime.now(UTC) + timedelta(minutes=1)).date()
    return await stores.summaries.summary(reach, since=today - timedelta(days=2), until=today)


async def spend(stores: AllStores, repository: str | None, amount: str) -> None:
    scope = BudgetScope(api_key_id=None, repository=repository, cap=None)
    reservation = await stores.budget.reserve(scope, Decimal(1), LIFETIME)
    await stores.budget.settle(reservation, Decimal(amount))


async def test_nothing_is_zero(stores: AllStores) -> None:
    summary = await summarize(stores)
    assert summary.open_errors == {"critical": 0, "high": 0, "medium": 0, "low": 0}
    assert len(summary.days) == 3
    assert {(day.opened, day.fixed) for day in summary.days} == {(0, 0)}
    assert (summary.fixes, summary.seconds_to_fix, summary.spent_usd) == ({}, None, 0)


async def test_errors_are_counted_on_the_day_of_their_first_sight_and_of_their_end(
    stores: AllStores,
) -> None:
    repository = await new_repository(stores)
    await apply_files(stores, repository, FIRST, {"a.py": "BAD(x)\nBAD(y)\nBAD(z)"})
    await apply_files(stores, repository, SECOND, {"a.py": "BAD(x)\nBAD(y)"})
    ignored, *_ = (
        await stores.errors.page(PageRequest(), ErrorFilter(status=ErrorStatus.OPEN), EVERYTHING)
    ).items
    await stores.errors.ignore(
        ignored.id, IgnoreDecision(reason="r", by="cli", until=None), EVERYTHING
    )
    summary = await summarize(stores)
    today = summary.days[-1].day
    assert sum(summary.open_errors.values()) == 1
    assert DayCount(day=today, opened=3, fixed=1) in summary.days
    assert summary.seconds_to_fix is not None
    assert 0 <= summary.seconds_to_fix < 60


async def test_only_repositories_within_reach_count(stores: AllStores) -> None:
    for name, text in ((NAME, "BAD(x)"), ("Octo/Other", "BAD(x)\nBAD(y)")):
        repository = await new_repository(stores, name)
        await apply_files(stores, repository, FIRST, {"a.py": text})
    await spend(stores, NAME, "0.25")
    await spend(stores, None, "1.5")
    for reach, number, spent in (
        (EVERYTHING, 3, "1.75"),
        (Reach(names=frozenset({"octo/other"})), 2, "0"),
        (Reach(names=frozenset({NAME})), 1, "0.25"),
        (Reach(names=frozenset({NAME, "octo/other", "octo/none"})), 3, "0.25"),
        (Reach(names=frozenset()), 0, "0"),
    ):
        summary = await summarize(stores, reach)
        assert sum(summary.open_errors.values()) == number, reach
        assert sum(day.opened for day in summary.days) == number, reach
        assert summary.spent_usd == Decimal(spent), reach
