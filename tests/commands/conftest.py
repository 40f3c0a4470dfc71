"""The API over HTTP in this process, with fakes of both providers and a GitHub beside it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, cast

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row

import functions.ai_command.app
import functions.api.app
from kova.access.api_key import Scope
from kova.bootstrap.commands import CommandRoot
from kova.bootstrap.core import Core
from kova.bootstrap.functions import build_roots
from kova.bootstrap.settings import load_settings
from kova.web.app import create_app
from kova_fakes.anthropic.server import FakeAnthropic, serve_anthropic
from kova_fakes.github import FakeGitHub, serve_github
from kova_fakes.openai.server import FakeOpenAI, serve_openai
from kova_fakes.serving import serving
from kova_server.keys import create_key
from tests.commands.comments import NAME
from tests.server.conftest import Kova, run_kova_with_github
from tests.support.eventually import eventually

API = functions.api.app.load_all()
ROUTERS = (*functions.ai_command.app.ROUTERS, *API.routers)
ROOTS = {**functions.ai_command.app.ROOTS, **API.roots}


@dataclass
class RecordedMeter:
    """A kova.shared.meter.Meter that keeps every count and value."""

    counts: dict[tuple[str, frozenset[tuple[str, str]]], float] = field(default_factory=dict)
    values: list[tuple[str, float]] = field(default_factory=list)

    def count(self, name: str, amount: float = 1.0, /, **labels: str) -> None:
        key = (name, frozenset(labels.items()))
        self.counts[key] = self.counts.get(key, 0.0) + amount

    def observe(self, name: str, value: float, /, **labels: str) -> None:  # noqa: ARG002
        self.values.append((name, value))

    def total(self, name: str, **labels: str) -> float:
        required_labels = labels.items()
        return sum(
            amount
            for (counter, counter_labels), amount in self.counts.items()
            if counter == name and required_labels <= counter_labels
        )


@dataclass
class Ai:
    """The running API as a client sees it."""

    url: str
    key: str
    core: Core
    commands: CommandRoot
    meter: RecordedMeter
    database_url: str
    client: httpx.Client

    def ask(self, command: str = "why is this here?", /, **body: Any) -> httpx.Response:
        headers = body.pop("headers", {})
        return self.client.post("/ai/command", json={"command": command, **body}, headers=headers)

    def rows(
        self, query: str = "SELECT * FROM ai_commands ORDER BY created_at"
    ) -> list[dict[str, Any]]:
        with psycopg.connect(self.database_url, row_factory=dict_row) as connection:
            return connection.execute(query).fetchall()  # type: ignore[call-overload]

    def execute(self, query: str, values: tuple[Any, ...] = ()) -> None:
        with psycopg.connect(self.database_url) as connection:
            connection.execute(query, values)  # type: ignore[call-overload]

    def outcomes(self) -> list[str]:
        return [row["outcome"] for row in self.rows()]

    def wait_for_rows(self, count: int, seconds: float = 10) -> list[dict[str, Any]]:
        """Return the commands that have ended as soon as there are so many."""

        def list_ended() -> list[dict[str, Any]]:
            rows = [row for row in self.rows() if row["outcome"] not in {"queued", "running"}]
            return rows if len(rows) >= count else []

        return eventually(list_ended, seconds, otherwise=self.rows)


@pytest.fixture(scope="session")
def openai_server() -> Iterator[FakeOpenAI]:
    with serve_openai() as fake:
        yield fake


@pytest.fixture(scope="session")
def anthropic_server() -> Iterator[FakeAnthropic]:
    with serve_anthropic() as fake:
        yield fake


@pytest.fixture
def gpt(openai_server: FakeOpenAI) -> FakeOpenAI:
    openai_server.script.reset()
    return openai_server


@pytest.fixture
def claude(anthropic_server: FakeAnthropic) -> FakeAnthropic:
    anthropic_server.script.reset()
    return anthropic_server


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with serve_github() as fake:
        yield fake


@pytest.fixture
def start(
    database_url: str, redis_url: str, gpt: FakeOpenAI, claude: FakeAnthropic
) -> Iterator[Callable[..., Ai]]:
    """Start the API with some settings; an empty text takes a setting away."""
    stack = ExitStack()

    def run(*, database_seconds: float = 3.0, **settings: str) -> Ai:
        variables = {
            "KOVA_ENV": "local",
            "KOVA_DATABASE_URL": database_url,
            "KOVA_REDIS_URL": redis_url,
            "KOVA_SCAN_QUEUE_URL": "http://127.0.0.1:9/none",
            "OPENAI_API_KEY": gpt.script.api_key,
            "OPENAI_BASE_URL": gpt.url,
            "ANTHROPIC_API_KEY": claude.script.api_key,
            "ANTHROPIC_BASE_URL": claude.url,
        } | settings
        present = {key: text for key, text in variables.items() if text}
        core = Core(load_settings(present), database_seconds=database_seconds)
        meter = RecordedMeter()
        core.__dict__["meter"] = meter
        roots = build_roots(core, ROOTS)
        commands = cast("CommandRoot", roots["commands"])
        url = stack.enter_context(serving(create_app(core, roots, ROUTERS), lifespan=True))
        key = asyncio.run(create_key({"KOVA_DATABASE_URL": database_url}, "test", list(Scope)))
        client = stack.enter_context(
            httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30)
        )
        return Ai(url, key, core, commands, meter, database_url, client)

    with stack:
        yield run
    _forget_answers(redis_url)


@pytest.fixture
def ai(start: Callable[..., Ai]) -> Ai:
    return start()


def _forget_answers(redis_url: str) -> None:
    """One database serves all tests of a process: answers of one test are not another's."""
    import redis

    with redis.Redis.from_url(redis_url) as client:
        for key in client.scan_iter("kova:cache:answer:*"):
            client.delete(key)


@pytest.fixture
def make_key(database_url: str) -> Callable[..., str]:
    """Make another API key."""

    def make(*scopes: Scope) -> str:
        return asyncio.run(
            create_key({"KOVA_DATABASE_URL": database_url}, os.urandom(4).hex(), list(scopes))
        )

    return make


@pytest.fixture(scope="session")
def session_kova_with_models(
    tmp_path_factory: pytest.TempPathFactory,
    openai_server: FakeOpenAI,
    anthropic_server: FakeAnthropic,
) -> Iterator[Kova]:
    settings = {
        "OPENAI_API_KEY": openai_server.script.api_key,
        "OPENAI_BASE_URL": openai_server.url,
        "ANTHROPIC_API_KEY": anthropic_server.script.api_key,
        "ANTHROPIC_BASE_URL": anthropic_server.url,
    }
    with run_kova_with_github(tmp_path_factory.mktemp("comments"), **settings) as kova:
        yield kova


@pytest.fixture
def kova(session_kova_with_models: Kova, gpt: FakeOpenAI, claude: FakeAnthropic) -> Kova:
    """The product with one repository and one pull request; models that were asked nothing."""
    session_kova_with_models.reset()
    state = session_kova_with_models.github.state
    state.create_repository(NAME, files={"a.py": b"x = 1\n"})
    state.push(NAME, {"a.py": b"x = 2\n"}, branch="topic")
    state.open_pull(NAME, head="topic", base="main", title="Two")
    return session_kova_with_models
