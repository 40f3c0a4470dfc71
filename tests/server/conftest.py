"""A server, a worker and a GitHub for one test, all real and speaking HTTP."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from kova.access.api_key import Scope
from kova_fakes.github import FakeGitHub, serve_github
from kova_server.keys import create_key
from tests.conftest import fresh_database
from tests.support.eventually import eventually
from tests.support.kova_process import KovaProcess, start_command
from tests.support.ports import own_port
from tests.support.queues import depth, environment, make_queue, purge


@dataclass
class Kova:
    """The running product as a client sees it."""

    address: str
    environment: dict[str, str]
    github: FakeGitHub
    folder: Path
    client: httpx.Client
    stranger: httpx.Client
    """Sends no key."""
    key: str
    workers: list[KovaProcess] = field(default_factory=list)
    servers: list[KovaProcess] = field(default_factory=list)
    clients: list[httpx.Client] = field(default_factory=list)

    def start_server(self) -> str:
        """Start one more server and return its address."""
        port = own_port()
        log = self.folder / f"server-{len(self.servers)}.log"
        with log.open("wb") as output:
            server = start_command(
                *("serve", "--port", str(port)),
                environment=self.environment,
                stdout=output,
                stderr=output,
            )
        self.servers.append(server)
        address = f"http://127.0.0.1:{port}"
        _wait_until_served(server, address, log)
        return address

    def with_new_key(self, *scopes: Scope) -> Kova:
        """Return the same product as another key sees it."""
        key = asyncio.run(create_key(self.environment, "another", scopes or list(Scope)))
        headers = {"Authorization": f"Bearer {key}"}
        client = httpx.Client(base_url=self.address, headers=headers, timeout=60)
        self.clients.append(client)
        return replace(self, key=key, client=client)

    def reset(self) -> None:
        """Start anew for the next test: nothing in the queues, the database or GitHub."""
        if not self.workers or self.workers[-1].poll() is not None:
            self.start_worker()
        queues = [url for name, url in self.environment.items() if name.endswith("_QUEUE_URL")]
        eventually(
            lambda: not any(depth(url) for url in queues),
            60,
            otherwise=lambda: "the last test left messages behind",
        )
        for url in queues:
            purge(url)  # Scans of the last test that wait for their next attempt.
        with psycopg.connect(self.environment["KOVA_DATABASE_URL"]) as connection:
            connection.execute("TRUNCATE repositories, deliveries, audit_log, sweeps CASCADE")
        self.github.reset()

    def logs(self) -> str:
        """Return everything that servers and workers have logged."""
        return "".join(log.read_text() for log in sorted(self.folder.glob("*.log")))

    def push(self, name: str, files: dict[str, bytes], **kwargs: Any) -> str:
        """Push and deliver the webhook."""
        try:
            self.github.state.repository(name)
            sha = self.github.state.push(name, files, **kwargs)
        except Exception as exc:
            if getattr(exc, "status", None) != 404:
                raise
            sha = self.github.state.create_repository(name, files=files)
        assert self.deliver(name).status_code == 202
        return sha

    def deliver(self, name: str, guid: str | None = None) -> httpx.Response:
        """Deliver the last push of the default branch."""
        payload = self.github.push_event(name)
        return self.github.deliver(f"{self.address}/webhooks/github", "push", payload, guid)

    def start_worker(self) -> KovaProcess:
        """Start one more worker."""
        with (self.folder / "worker.log").open("ab") as log:
            worker = start_command("worker", environment=self.environment, stdout=log, stderr=log)
        self.workers.append(worker)
        return worker

    def get(self, path: str, /, **params: Any) -> Any:
        """Return an answer's JSON."""
        answer = self.client.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def all(self, path: str, /, **params: Any) -> list[dict[str, Any]]:
        """Return every item of a list."""
        rows: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = self.get(path, limit=100, **params, **cursor)
            rows += page["items"]
            if page["next_cursor"] is None:
                return rows
            cursor = {"cursor": page["next_cursor"]}

    def wait_for_scans(
        self, count: int, seconds: float = 60, **params: Any
    ) -> list[dict[str, Any]]:
        """Return the scans that have ended as soon as there are so many."""

        def list_ended() -> list[dict[str, Any]]:
            scans = self.all("/api/scans", **params)
            ended = [scan for scan in scans if scan["status"] not in {"queued", "running"}]
            return ended if len(ended) >= count else []

        def describe() -> str:
            log = (self.folder / "worker.log").read_text()[-3_000:]
            return f"no {count} scans ended: {self.all('/api/scans', **params)[:3]}\n{log}"

        return eventually(list_ended, seconds, pause=0.05, otherwise=describe)


@contextmanager
def run_kova(folder: Path, database_url: str, github: FakeGitHub, **extra: str) -> Iterator[Kova]:
    """Run the server form against the given services."""
    variables = environment() | {
        "KOVA_DATABASE_URL": database_url,
        "KOVA_SCAN_QUEUE_URL": make_queue(),
        "KOVA_FIX_QUEUE_URL": make_queue(),
        "KOVA_COMMAND_QUEUE_URL": make_queue(),
        "KOVA_RATE_LIMIT_PER_MINUTE": "1000000",
        "KOVA_ANONYMOUS_RATE_LIMIT_PER_MINUTE": "1000000",
        "KOVA_GITHUB_API_URL": github.url,
        "KOVA_GITHUB_APP_ID": github.app_id,
        "KOVA_GITHUB_PRIVATE_KEY": github.private_key_pem,
        "KOVA_GITHUB_WEBHOOK_SECRET": github.webhook_secret,
        "SLACK_SIGNING_SECRET": "a-signing-secret-of-slack",
    }
    variables = {key: value for key, value in (variables | extra).items() if value}
    key = asyncio.run(create_key({"KOVA_DATABASE_URL": database_url}, "test", list(Scope)))
    with (
        httpx.Client(headers={"Authorization": f"Bearer {key}"}, timeout=60) as client,
        httpx.Client(timeout=60) as stranger,
    ):
        kova = Kova("", variables, github, folder, client, stranger, key)
        try:
            kova.address = kova.start_server()
            client.base_url = httpx.URL(kova.address)
            yield kova
        finally:
            for extra_client in kova.clients:
                extra_client.close()
            for process in [*kova.workers, *kova.servers]:
                if process.poll() is None:
                    process.send_signal(signal.SIGTERM)
                process.wait(timeout=30)


@contextmanager
def run_kova_with_github(folder: Path, **extra: str) -> Iterator[Kova]:
    """Run the server form, without a worker, for all tests of a module."""
    with (
        fresh_database() as database,
        serve_github() as github,
        run_kova(folder, database, github, **extra) as product,
    ):
        yield product


def _wait_until_served(server: KovaProcess, address: str, log: Path) -> None:
    def answers() -> bool:
        assert server.poll() is None, log.read_text()[-3_000:]
        try:
            httpx.get(f"{address}/health", timeout=3)
        except httpx.TransportError:
            return False
        return True

    eventually(answers, 120, pause=0.05, otherwise=lambda: log.read_text()[-3_000:])


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with serve_github() as fake:
        yield fake


@pytest.fixture(scope="session")
def session_kova(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kova]:
    """One server and one worker for all tests of this process that ask for `kova`."""
    with run_kova_with_github(tmp_path_factory.mktemp("kova")) as product:
        yield product


@pytest.fixture
def kova(session_kova: Kova) -> Kova:
    """The whole product as if it had just been installed."""
    session_kova.reset()
    return session_kova
