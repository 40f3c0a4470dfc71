"""One suite for the sums of what AI commands cost, in Postgres and in memory."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from kova.access.api_key import ApiKey, Scope, generate_key
from kova.access.ports import ApiKeyStore
from kova.adapters.memory.api_keys import MemoryApiKeyStore
from kova.adapters.memory.commands import MemoryCommandStore
from kova.adapters.memory.usage import MemoryUsageStore
from kova.adapters.postgres.api_keys import PostgresApiKeyStore
from kova.adapters.postgres.commands import PostgresCommandStore
from kova.adapters.postgres.repositories import PostgresRepositoryStore
from kova.adapters.postgres.usage import PostgresUsageStore
from kova.commands.command import Command, CommandRequest
from kova.commands.ports import CommandStore
from kova.models.outcome import Outcome
from kova.models.ports import UsageStore
from kova.models.provider import Task
from kova.models.usage import Budget, TokenUsage, Usage, UsageRow
from kova.shared.ports import RepositoryStore
from kova.shared.repository import RepositoryChange, RepositoryInfo
from tests.support.postgres import opened_database
from tests.support.stand_ins import StandInRepositories

NOVEMBER = date(2026, 11, 1)


@dataclass
class UsageTables:
    usage: UsageStore
    commands: CommandStore
    keys: ApiKeyStore
    repositories: RepositoryStore

    async def key(self, name: str, budget: str | None = None) -> ApiKey:
        new_key = generate_key()
        return await self.keys.create(
            name=name,
            prefix=new_key.prefix,
            secret_hash=new_key.secret_hash,
            scopes=frozenset({Scope.AI}),
            expires_at=None,
            monthly_budget_usd=Decimal(budget) if budget else None,
        )

    async def command(
        self,
        cost: str,
        *,
        key: ApiKey | None = None,
        repository: str | None = None,
        at: datetime = datetime(2026, 11, 15, tzinfo=UTC),
        cached: bool = False,
    ) -> None:
        await self.commands.save(
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


@pytest.fixture(params=["memory", "postgres"])
async def stores(request: pytest.FixtureRequest) -> AsyncIterator[UsageTables]:
    if request.param == "memory":
        commands, keys, repositories = (
            MemoryCommandStore(),
            MemoryApiKeyStore(),
            StandInRepositories(),
        )
        usage = MemoryUsageStore(commands=commands, keys=keys, repositories=repositories)
        yield UsageTables(usage, commands, keys, repositories)
        return
    async with opened_database() as database:
        yield UsageTables(
            PostgresUsageStore(database),
            PostgresCommandStore(database),
            PostgresApiKeyStore(database),
            PostgresRepositoryStore(database),
        )


async def save_repository(stores: UsageTables, budget: str) -> None:
    info = RepositoryInfo(
        full_name="octo/sample",
        github_id=7,
        installation_id=None,
        default_branch="main",
        private=False,
    )
    await stores.repositories.save(info)
    change = RepositoryChange(
        named=frozenset({"monthly_budget_usd"}), monthly_budget_usd=Decimal(budget)
    )
    await stores.repositories.change("octo/sample", change, "cli")


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


async def test_a_month_without_commands_has_no_rows(stores: UsageTables) -> None:
    expected = Usage(month="2026-11", rows=(), budgets=())
    assert await stores.usage.month(NOVEMBER, None) == expected


async def test_commands_are_summed_by_key_and_repository_the_dearest_first(
    stores: UsageTables,
) -> None:
    await save_repository(stores, "9")
    key = await stores.key("ci")
    await stores.command("0.25", key=key, repository="Octo/Sample")
    await stores.command("0.5", key=key, repository="octo/sample", cached=True)
    await stores.command("2", key=key, repository="octo/unknown")
    await stores.command("0.1")
    usage = await stores.usage.month(NOVEMBER, None)
    of_key = {"key_prefix": key.prefix, "key_name": "ci"}
    assert usage.rows == (
        row("2", 1, **of_key),
        row("0.75", 2, **of_key, repository="octo/sample", cached=1),
        row("0.1", 1),
    )


async def test_a_month_begins_and_ends_at_midnight_utc(stores: UsageTables) -> None:
    inside = (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC))
    outside = (datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
    for moment in (*inside, *outside):
        await stores.command("1", at=moment)
    assert (await stores.usage.month(NOVEMBER, None)).rows == (row("2", 2),)


async def test_every_budget_is_shown_with_what_is_spent_of_it(stores: UsageTables) -> None:
    await save_repository(stores, "9")
    spending, idle = await stores.key("ci", "5"), await stores.key("idle", "3")
    revoked = await stores.key("old", "8")
    await stores.keys.revoke(revoked.prefix, datetime(2026, 11, 2, tzinfo=UTC))
    await stores.command("1", key=spending, repository="octo/sample")
    await stores.command("0.5", key=spending)
    usage = await stores.usage.month(NOVEMBER, Decimal(100))
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
