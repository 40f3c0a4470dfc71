"""Commands that are answered later: the queue, the worker, and what a crash leaves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from kova.adapters.postgres.commands import PostgresCommandStore
from kova.adapters.postgres.pool import Database
from kova.bootstrap.core import Core
from kova.bootstrap.workers.command_worker import handle_command_job
from kova.bootstrap.workers.queue_worker import JobHandler
from kova.commands.command import CommandRequest
from kova.commands.message import decode_command_job, encode_command_job
from kova.shared.exceptions import MalformedMessageError
from kova.shared.retry import GiveUp, Retry
from kova.shared.run_job import Done
from kova_fakes.github import FakeGitHub
from kova_fakes.models.script import ModelReply
from kova_fakes.openai.server import FakeOpenAI
from tests.commands.conftest import Ai
from tests.server.conftest import Kova, run_kova
from tests.support.eventually import eventually
from tests.support.queues import depth, make_queue
from tests.support.subjects import SOMEBODY

LATER = {"Prefer": "respond-async, wait=10"}


@pytest.fixture
def kova(tmp_path: Path, database_url: str, github: FakeGitHub, gpt: FakeOpenAI) -> Iterator[Kova]:
    settings = {
        "KOVA_COMMAND_QUEUE_URL": make_queue(),
        "OPENAI_API_KEY": gpt.script.api_key,
        "OPENAI_BASE_URL": gpt.url,
    }
    with run_kova(tmp_path, database_url, github, **settings) as product:
        yield product


def wait_for_command(kova: Kova, command_id: str, seconds: float = 90) -> dict[str, object]:
    """Return a command as soon as it has ended."""
    path = f"/ai/commands/{command_id}"

    def find_ended() -> dict[str, object]:
        command: dict[str, object] = kova.get(path)
        return command if command["outcome"] not in {"queued", "running"} else {}

    return eventually(find_ended, seconds, pause=0.05, otherwise=lambda: kova.get(path))


def test_a_command_for_later_is_queued_and_answered_by_the_worker(
    kova: Kova, gpt: FakeOpenAI
) -> None:
    body = {"command": "explain", "code": "x = 1\n", "path": "a.py"}
    answer = kova.client.post("/ai/command", json=body, headers=LATER)
    assert answer.status_code == 202, answer.text
    queued = answer.json()
    assert (queued["status"], queued["task"]) == ("queued", "analyze")
    assert answer.headers["location"] == f"/ai/commands/{queued['id']}"
    assert answer.headers["preference-applied"] == "respond-async"
    assert kova.get(answer.headers["location"])["outcome"] == "queued"
    kova.start_worker()
    command = wait_for_command(kova, queued["id"])
    assert command["outcome"] == "ok"
    assert command["citations"] == [{"path": "a.py", "start_line": 1, "end_line": 1}]
    gpt.script.always = ModelReply(kind="refusal")
    other_id = kova.client.post("/ai/command", json={"command": "no"}, headers=LATER).json()["id"]
    assert wait_for_command(kova, other_id)["outcome"] == "refusal"


def test_without_the_queue_it_says_so(ai: Ai) -> None:
    answer = ai.ask("later", headers=LATER)
    assert (answer.status_code, answer.json()["reason"]) == (503, "bad_settings")
    assert ai.ask("now").status_code == 200


@pytest.fixture
async def finish(ai: Ai) -> AsyncIterator[JobHandler]:
    """The worker's handler, with connections of the test's own loop."""
    core = Core(ai.core.settings, interactive=False)
    yield handle_command_job(core)
    await core.close()


@pytest.fixture
def short_deadline_ai(start: Callable[..., Ai]) -> Ai:
    return start(KOVA_AI_DEADLINE_SECONDS="4", KOVA_AI_LATER_SECONDS="20")


async def test_where_nobody_waits_a_model_may_think_for_longer(
    short_deadline_ai: Ai, gpt: FakeOpenAI, database_url: str
) -> None:
    core = Core(short_deadline_ai.core.settings, interactive=False)
    gpt.script.always = ModelReply(seconds=1.5)  # More than a quarter of 4 and less than one of 20.
    command_id = await _queue_command(short_deadline_ai, database_url)
    await handle_command_job(core).handle(encode_command_job(command_id), 1)
    await core.close()
    assert [(row["provider"], row["fallback"]) for row in short_deadline_ai.rows()] == [
        ("openai", False)
    ]


def test_where_somebody_waits_the_other_is_asked(short_deadline_ai: Ai, gpt: FakeOpenAI) -> None:
    gpt.script.always = ModelReply(seconds=1.5)
    assert short_deadline_ai.ask("now").json()["fallback"]


async def test_a_message_that_comes_twice_is_answered_once(
    ai: Ai, finish: JobHandler, gpt: FakeOpenAI, database_url: str
) -> None:
    command_id = await _queue_command(ai, database_url)
    message = encode_command_job(command_id)
    first, second = [await finish.handle(message, attempt) for attempt in (1, 2)]
    assert first == second == Done(result=command_id)
    assert gpt.script.count("/responses") == 1


async def test_a_command_in_another_workers_hands_waits_and_a_dead_ones_is_taken_over(
    ai: Ai, finish: JobHandler, gpt: FakeOpenAI, database_url: str
) -> None:
    command_id = await _queue_command(ai, database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE ai_commands SET outcome = 'running', lease_until = now() + interval '1 minute'"
        )
    assert isinstance(await finish.handle(encode_command_job(command_id), 1), Retry)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE ai_commands SET lease_until = now() - interval '1 second'")
    assert isinstance(await finish.handle(encode_command_job(command_id), 2), Done)
    assert ai.outcomes() == ["ok"]
    assert gpt.script.count("/responses") == 1


async def _queue_command(ai: Ai, database_url: str) -> str:
    command = ai.commands.run.begin(CommandRequest(command="explain"), SOMEBODY)
    database = Database(database_url)
    await PostgresCommandStore(database).save(command)
    await database.close()
    return command.id


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{}",
        "[" * 2_000,
        '{"version":1,"kind":"scan"}',
        '{"version":2,"kind":"command","command_id":"x"}',
        '{"version":1,"kind":"command","command_id":3}',
    ],
)
async def test_a_message_that_is_no_command_is_given_up(finish: JobHandler, body: str) -> None:
    with pytest.raises(MalformedMessageError):
        decode_command_job(body)
    outcome = await finish.handle(body, 1)
    assert outcome == GiveUp(reason="malformed_message")


def test_a_queue_that_refuses_is_a_503_and_no_command_stays_queued(
    kova: Kova, database_url: str, github: FakeGitHub, tmp_path: Path
) -> None:
    assert depth(kova.environment["KOVA_COMMAND_QUEUE_URL"]) == 0
    folder = tmp_path / "other"
    folder.mkdir()
    dead = {
        "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:9",
        "KOVA_COMMAND_QUEUE_URL": "http://127.0.0.1:9/1/none",
    }
    with run_kova(folder, database_url, github, **dead) as other_kova:
        answer = other_kova.client.post("/ai/command", json={"command": "later"}, headers=LATER)
        assert (answer.status_code, answer.json()["reason"]) == (503, "queue_unavailable")
        (row,) = other_kova.all("/ai/commands")
        assert (row["outcome"], row["detail"]) == ("failed", "queue_unavailable")
