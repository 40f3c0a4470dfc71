"""A process that is killed in mid-call: its money comes back, and its command is done once."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row

from kova_fakes.github import FakeGitHub
from kova_fakes.models.script import ModelReply
from kova_fakes.openai.server import FakeOpenAI
from tests.server.conftest import Kova, run_kova
from tests.support.eventually import eventually
from tests.support.queues import make_queue

DEADLINE = 6  # Money comes back after twelve seconds, the command after eighteen.
HANGS = ModelReply(seconds=60)


@pytest.fixture
def kova(tmp_path: Path, database_url: str, github: FakeGitHub, gpt: FakeOpenAI) -> Iterator[Kova]:
    settings = {
        "KOVA_COMMAND_QUEUE_URL": make_queue(),
        "KOVA_AI_DEADLINE_SECONDS": str(DEADLINE),
        "KOVA_AI_LATER_SECONDS": str(DEADLINE),
        "KOVA_WORKER_VISIBILITY_SECONDS": "1",
        "OPENAI_API_KEY": gpt.script.api_key,
        "OPENAI_BASE_URL": gpt.url,
    }
    with run_kova(tmp_path, database_url, github, **settings) as product:
        yield product


def body() -> dict[str, Any]:
    """A command that nobody has asked before, always of the same size."""
    return {"command": f"explain {uuid.uuid4()}", "task": "generate", "max_output_tokens": 500}


def rows(kova: Kova, query: str) -> list[dict[str, Any]]:
    url = kova.environment["KOVA_DATABASE_URL"]
    with psycopg.connect(url, row_factory=dict_row) as connection:
        return connection.execute(query).fetchall()  # type: ignore[call-overload]


def list_reserved(kova: Kova) -> list[Decimal]:
    query = "SELECT amount_usd FROM ai_reservations WHERE expires_at > now()"
    return [row["amount_usd"] for row in rows(kova, query)]


def sum_spent(kova: Kova) -> Decimal:
    spendings = rows(kova, "SELECT spent_usd FROM ai_spending WHERE scope LIKE 'key:%'")
    return sum((row["spent_usd"] for row in spendings), Decimal(0))


def cap_budget(kova: Kova, gpt: FakeOpenAI) -> Decimal:
    """Wait for the hanging call; let the key's budget admit one such call, not two."""
    eventually(lambda: gpt.script.count("/responses"), 60)
    (amount,) = list_reserved(kova)
    budget: Decimal = amount * 3 / 2
    with psycopg.connect(kova.environment["KOVA_DATABASE_URL"]) as connection:
        connection.execute("UPDATE api_keys SET monthly_budget_usd = %s", (budget,))
    return budget


def execute(kova: Kova, query: str) -> None:
    with psycopg.connect(kova.environment["KOVA_DATABASE_URL"]) as connection:
        connection.execute(query)  # type: ignore[call-overload]


def refuses_commands(kova: Kova) -> bool:
    """Tell whether the dead call's money is missing; on a busy machine its time stands still."""
    execute(kova, "UPDATE ai_reservations SET expires_at = expires_at + interval '1 hour'")
    answer = kova.client.post("/ai/command", json=body())
    execute(kova, "UPDATE ai_reservations SET expires_at = expires_at - interval '1 hour'")
    return answer.status_code == 429 and answer.json()["reason"] == "budget_exhausted"


def test_the_command_of_a_killed_worker_is_done_once_by_the_next(
    kova: Kova, gpt: FakeOpenAI
) -> None:
    gpt.script.then(HANGS)
    later = {"Prefer": "respond-async"}
    queued = kova.client.post("/ai/command", json=body(), headers=later).json()["id"]
    worker = kova.start_worker()
    budget = cap_budget(kova, gpt)
    worker.kill()
    worker.wait()
    assert kova.get(f"/ai/commands/{queued}")["outcome"] == "running"
    assert refuses_commands(kova)
    kova.start_worker()
    command = eventually(lambda: find_ended_command(kova, queued), 60)
    assert command["outcome"] == "ok", command
    assert gpt.script.count("/responses") == 2
    assert list_reserved(kova) == []
    assert 0 < sum_spent(kova) <= budget
    assert sum_spent(kova) == sum(
        row["cost_usd"] for row in rows(kova, "SELECT * FROM ai_commands")
    )
    # The month is not over: the next command has what the dead one had set aside.
    assert kova.client.post("/ai/command", json=body()).status_code == 200


def find_ended_command(kova: Kova, command_id: str) -> dict[str, Any] | None:
    command: dict[str, Any] = kova.get(f"/ai/commands/{command_id}")
    return command if command["outcome"] not in {"queued", "running"} else None


def test_the_money_of_a_killed_server_comes_back(kova: Kova, gpt: FakeOpenAI) -> None:
    other_address = kova.start_server()
    gpt.script.then(HANGS)

    def ask() -> None:
        with suppress(httpx.TransportError):
            kova.client.post("/ai/command", json=body())

    waiting = threading.Thread(target=ask)
    waiting.start()
    budget = cap_budget(kova, gpt)
    kova.servers[0].kill()
    kova.servers[0].wait()
    waiting.join()
    kova.client.base_url = httpx.URL(other_address)
    assert refuses_commands(kova)
    eventually(lambda: not list_reserved(kova), 60)
    assert kova.client.post("/ai/command", json=body()).status_code == 200
    assert 0 < sum_spent(kova) <= budget
