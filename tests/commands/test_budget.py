"""The budget: 200 callers at once never pass a cap, and a dead process's money comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import httpx
import psycopg
import pytest

from kova.adapters.postgres.budget import PostgresBudgetStore
from kova.adapters.postgres.pool import Database
from kova.models.ports import BudgetScope
from kova.models.price import max_tokens
from kova.shared.exceptions import BudgetExhaustedError
from kova_fakes.anthropic.server import FakeAnthropic
from kova_fakes.models.script import ModelReply
from kova_fakes.openai.server import FakeOpenAI
from tests.commands.conftest import Ai

SOON = timedelta(seconds=60)
DOLLAR = Decimal(1)


@pytest.fixture
async def budget(database_url: str) -> AsyncIterator[PostgresBudgetStore]:
    database = Database(database_url)
    yield PostgresBudgetStore(database)
    await database.close()


def limit_everybody(cap: str | None) -> BudgetScope:
    return BudgetScope(api_key_id=None, repository=None, cap=Decimal(cap) if cap else None)


async def try_reserve(budget: PostgresBudgetStore, scope: BudgetScope) -> str | None:
    try:
        return await budget.reserve(scope, DOLLAR, SOON)
    except BudgetExhaustedError:
        return None


async def test_two_hundred_reservations_at_once_under_a_cap_for_fifty(
    budget: PostgresBudgetStore,
) -> None:
    reservations = await asyncio.gather(
        *(try_reserve(budget, limit_everybody("50")) for _ in range(200))
    )
    assert sum(reservation is not None for reservation in reservations) == 50


async def test_what_a_call_did_not_cost_is_free_again(budget: PostgresBudgetStore) -> None:
    scope = limit_everybody("2")
    first = await budget.reserve(scope, DOLLAR, SOON)
    await budget.reserve(scope, DOLLAR, SOON)
    assert await try_reserve(budget, scope) is None
    await budget.settle(first, Decimal("0.25"))
    await budget.settle(first, Decimal("0.25"))  # Again changes nothing.
    assert await try_reserve(budget, scope) is None
    assert await budget.reserve(scope, Decimal("0.75"), SOON)


async def test_the_reservation_of_a_dead_process_comes_back(budget: PostgresBudgetStore) -> None:
    scope = limit_everybody("1")
    await budget.reserve(scope, DOLLAR, timedelta(milliseconds=200))
    assert await try_reserve(budget, scope) is None
    await asyncio.sleep(0.25)
    assert await try_reserve(budget, scope) is not None


async def test_one_that_settles_after_its_time_is_still_counted(
    budget: PostgresBudgetStore,
) -> None:
    scope = limit_everybody("1")
    late = await budget.reserve(scope, DOLLAR, timedelta(0))
    await budget.settle(late, DOLLAR)
    assert await try_reserve(budget, scope) is None


async def test_a_key_a_repository_and_everybody_have_caps_of_their_own(
    budget: PostgresBudgetStore, database_url: str
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            """INSERT INTO repositories (full_name, default_branch, monthly_budget_usd)
            VALUES ('octo/sample', 'main', 2)"""
        )
        row = connection.execute(
            """INSERT INTO api_keys (name, prefix, secret_hash, scopes, monthly_budget_usd)
            VALUES ('k', 'p', '', '{ai}', 1) RETURNING id"""
        ).fetchone()
    assert row is not None
    key = str(row[0])
    key_scope = BudgetScope(api_key_id=key, repository=None, cap=None)
    repository_scope = BudgetScope(api_key_id=None, repository="Octo/Sample", cap=None)
    assert await try_reserve(budget, key_scope)
    assert await try_reserve(budget, key_scope) is None
    assert await try_reserve(budget, repository_scope)
    assert await try_reserve(budget, repository_scope)
    assert await try_reserve(budget, repository_scope) is None
    assert await try_reserve(budget, limit_everybody(None))


def test_two_hundred_commands_at_once_spend_no_more_than_the_cap(
    start: Callable[..., Ai], gpt: FakeOpenAI
) -> None:
    alone = start(ANTHROPIC_API_KEY="")
    (candidate,) = alone.commands.ask.providers.values()
    body = {"command": "0000", "task": "generate", "max_output_tokens": 64}
    alone.client.post("/ai/command", json=body)
    size = len(str(gpt.script.calls[-1].body["instructions"])) + 1_000
    cap = candidate.price.cost(max_tokens(size, 64)) * 50
    # How long two hundred wait for ten connections is no question of this test.
    ai = start(database_seconds=60, ANTHROPIC_API_KEY="", KOVA_MONTHLY_BUDGET_USD=str(cap))
    ai.execute("DELETE FROM ai_commands")
    ai.execute("DELETE FROM ai_spending")
    limits = httpx.Limits(max_connections=200)
    with (
        httpx.Client(
            base_url=ai.url,
            headers={"Authorization": f"Bearer {ai.key}"},
            timeout=60,
            limits=limits,
        ) as client,
        ThreadPoolExecutor(200) as pool,
    ):
        calls = [{**body, "command": f"{number:04}"} for number in range(200)]
        answers = list(pool.map(lambda body: client.post("/ai/command", json=body), calls))
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) <= {200, 429}, {
        answer.text for answer in answers if answer.status_code >= 500
    }
    assert {answer.json()["reason"] for answer in answers if answer.status_code == 429} <= {
        "budget_exhausted"
    }
    (spent,) = ai.rows("SELECT spent_usd FROM ai_spending WHERE scope = 'all'")
    rows = ai.rows()
    assert spent["spent_usd"] == sum(row["cost_usd"] for row in rows)
    assert spent["spent_usd"] <= cap
    assert statuses.count(429) > 0
    assert statuses.count(200) >= 50
    assert len(rows) == 200
    assert ai.rows("SELECT * FROM ai_reservations") == []


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
@pytest.mark.parametrize("counted", [10**6, 10**12, 10**40])
def test_a_provider_that_counts_more_than_there_can_be_costs_what_was_set_aside(
    ai: Ai, gpt: FakeOpenAI, claude: FakeAnthropic, provider: str, counted: int
) -> None:
    script = (gpt if provider == "openai" else claude).script
    script.always = ModelReply(counted=counted)
    answer = ai.ask("what?", provider=provider, max_output_tokens=100)
    assert answer.status_code == 200, answer.text
    usage = answer.json()["usage"]
    assert usage["output_tokens"] == 100
    assert usage["input_tokens"] < 100_000
    (row,) = ai.rows()
    assert float(row["cost_usd"]) == usage["cost_usd"] < 1
