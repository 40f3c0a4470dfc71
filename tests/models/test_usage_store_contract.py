"""One suite for the sums of what AI commands cost, in Postgres and in memory."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime
from decimal import Decimal

from kova.access.api_key import ApiKey
from kova.commands.command import Command, CommandRequest
from kova.models.outcome import Outcome
from kova.models.provider import Task
from kova.models.usage import Budget, TokenUsage, Usage, UsageRow
from kova.shared.reach import EVERYTHING, reach_of
from kova.shared.repository import RepositoryChange
from tests.support.stores import AllStores, new_key, new_repository, new_repository_with_budget

NOVEMBER = date(2026, 11, 1)


async def save_command(
    stores: AllStores,
    cost: str,
    *,
    key: ApiKey | None = None,
    repository: str | None = None,
    at: datetime = datetime(2026, 11, 15, tzinfo=UTC),
    cached: bool = False,
) -> None:
    await stores.commands.save(
        Command(
            id=str(uuid.uuid4()),
            api_key_id=key.id if key else None,
            request=CommandRequest(command="why?", repository=repository),
            task=Task.ANALYZE,
            outcome=Outcome.REFUSAL,
            created_at=at,
            usage=TokenUsage(input_tokens=100, output_tokens=10),
            cost_usd=Decimal(cost),
            cached=cached,
        )
    )


def row(cost: str, commands: int, **values: object) -> UsageRow:
    fields: dict[str, object] = {"key_prefix": None, "key_name": None, "repository": None}
    return UsageRow(
        month="2026-11",
        commands=commands,
        input_tokens=100 * commands,
        output_tokens=10 * commands,
        cost_usd=Decimal(cost),
        **{**fields, "cached": 0, **values},  # type: ignore[arg-type]
    )


async def test_a_month_without_commands_has_no_rows(stores: AllStores) -> None:
    expected = Usage(month="2026-11", rows=(), budgets=())
    assert await stores.usage.month(NOVEMBER, None, EVERYTHING, None) == expected


async def test_commands_are_summed_by_key_and_repository_the_dearest_first(
    stores: AllStores,
) -> None:
    await new_repository_with_budget(stores, "9")
    key = await new_key(stores, "ci")
    await save_command(stores, "0.25", key=key, repository="Octo/Sample")
    await save_command(stores, "0.5", key=key, repository="octo/sample", cached=True)
    await save_command(stores, "2", key=key, repository="octo/unknown")
    await save_command(stores, "0.1")
    usage = await stores.usage.month(NOVEMBER, None, EVERYTHING, None)
    of_key = {"key_prefix": key.prefix, "key_name": "ci"}
    assert usage.rows == (
        row("2", 1, **of_key),
        row("0.75", 2, **of_key, repository="octo/sample", cached=1),
        row("0.1", 1),
    )


async def test_a_month_begins_and_ends_at_midnight_utc(stores: AllStores) -> None:
    inside = (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC))
    outside = (datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
    for moment in (*inside, *outside):
        await save_command(stores, "1", at=moment)
    assert (await stores.usage.month(NOVEMBER, None, EVERYTHING, None)).rows == (row("2", 2),)


async def test_every_budget_is_shown_with_what_is_spent_of_it(stores: AllStores) -> None:
    await new_repository_with_budget(stores, "9")
    spending, idle = (
        await new_key(stores, "ci", monthly_budget_usd=Decimal(5)),
        await new_key(stores, "idle", monthly_budget_usd=Decimal(3)),
    )
    revoked = await new_key(stores, "old", monthly_budget_usd=Decimal(8))
    await stores.keys.revoke(revoked.prefix, datetime(2026, 11, 2, tzinfo=UTC))
    await save_command(stores, "1", key=spending, repository="octo/sample")
    await save_command(stores, "0.5", key=spending)
    usage = await stores.usage.month(NOVEMBER, Decimal(100), EVERYTHING, None)
    of_keys = {budget.name: budget for budget in usage.budgets if budget.kind == "key"}
    assert of_keys == {
        spending.prefix: Budget(
            kind="key", name=spending.prefix, limit_usd=Decimal(5), spent_usd=Decimal("1.5")
        ),
        idle.prefix: Budget(
            kind="key", name=idle.prefix, limit_usd=Decimal(3), spent_usd=Decimal(0)
        ),
    }
    assert usage.budgets[2:] == (
        Budget(kind="repository", name="octo/sample", limit_usd=Decimal(9), spent_usd=Decimal(1)),
        Budget(kind="total", name="total", limit_usd=Decimal(100), spent_usd=Decimal("1.5")),
    )


async def test_a_restricted_key_sees_its_repositories_and_no_other_key(stores: AllStores) -> None:
    for name in ("octo/in", "octo/out"):
        repository = await new_repository(stores, name)
        change = RepositoryChange(
            named=frozenset({"monthly_budget_usd"}), monthly_budget_usd=Decimal(9)
        )
        await stores.repositories.change(repository.full_name, change, "cli", EVERYTHING)
    own = await new_key(stores, "own", monthly_budget_usd=Decimal(5))
    other = await new_key(stores, "other", monthly_budget_usd=Decimal(7))
    for key, repository_name, cost in (
        (own, "octo/in", "1"),
        (own, None, "0.5"),
        (other, "octo/in", "2"),
        (other, "octo/out", "4"),
        (other, None, "8"),
    ):
        await save_command(stores, cost, key=key, repository=repository_name)
    usage = await stores.usage.month(NOVEMBER, Decimal(100), reach_of(["octo/in"]), own.id)
    rows = {(row.key_name, row.repository): row.cost_usd for row in usage.rows}
    assert rows == {
        ("own", "octo/in"): Decimal(1),
        ("own", None): Decimal("0.5"),
        (None, "octo/in"): Decimal(2),
    }
    budgets = {(each.kind, each.name): each.spent_usd for each in usage.budgets}
    assert budgets == {("key", own.prefix): Decimal("1.5"), ("repository", "octo/in"): Decimal(3)}
    nothing = await stores.usage.month(NOVEMBER, Decimal(100), reach_of([]), None)
    assert (nothing.rows, nothing.budgets) == ((), ())
