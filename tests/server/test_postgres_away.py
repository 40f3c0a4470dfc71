"""Postgres goes away under webhooks and in mid-scan: all are accepted, and worked off later."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from kova.adapters.postgres.migrate import migrate
from kova_fakes.github import Fault, serve_github
from kova_server.embedded.service import Child, wait_ready
from kova_server.embedded.stack import start_services
from kova_server.embedded.supervisor import Supervisor
from tests.server.conftest import Kova, run_kova
from tests.support.eventually import eventually
from tests.support.queues import dead_letters, depth

BAD = b"def f(x):\n    return x is 'a'\n"
AWAY_SECONDS = 12.0
LOAD_SECONDS, LOAD_PER_SECOND = (60, 100) if os.environ.get("STRESS") else (5, 40)
LOADED_REPOSITORIES = 50


@dataclass
class AwayStack:
    """Kova with a Postgres of its own."""

    kova: Kova
    postgres: Child

    def log(self) -> str:
        return (self.kova.folder / "worker.log").read_text()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwayStack]:
    folder = tmp_path_factory.mktemp("away")
    supervisor = Supervisor(folder)
    outside = {"KOVA_GITHUB_API_URL": "http://127.0.0.1:9", "KOVA_GITHUB_WEBHOOK_SECRET": "x"}
    try:
        settings = start_services(supervisor, folder, outside, fsync=False)
        migrate(settings["KOVA_DATABASE_URL"])
        with (
            serve_github() as github,
            run_kova(folder, settings["KOVA_DATABASE_URL"], github) as kova,
        ):
            kova.start_worker()
            children = {child.service.name: child for child in supervisor.children}
            yield AwayStack(kova, children["postgres"])
    finally:
        supervisor.stop()


def test_webhooks_are_accepted_and_their_scans_done_when_postgres_is_back(stack: AwayStack) -> None:
    kova = stack.kova
    names = [f"octo/r{number}" for number in range(6)]
    for name in names:
        kova.github.state.create_repository(name, files={"a.py": BAD})
    # One is in mid-scan when the database goes.
    kova.github.inject(Fault(kind="slow", path="/r0/git/trees/", times=1, seconds=4))
    assert kova.deliver(names[0]).status_code == 202
    eventually(lambda: [row["status"] for row in kova.all("/api/scans")] == ["running"], 30)
    stack.postgres.stop(hurry=True)
    away_since = time.monotonic()
    for name in names[1:]:
        assert kova.deliver(name).status_code == 202
    eventually(lambda: "database does not answer" in stack.log(), 30)
    eventually(lambda: time.monotonic() - away_since > AWAY_SECONDS, 30, pause=0.2)
    refusals = stack.log().count("database_unavailable")
    stack.postgres.start()
    wait_ready(stack.postgres)
    scans = kova.wait_for_scans(len(names), seconds=120)
    assert {scan["status"] for scan in scans} == {"succeeded"}
    assert {scan["repository"] for scan in scans} == set(names)
    # The worker waited instead of trying each message again and again.
    assert refusals < 3 * len(names)
    assert dead_letters(kova.environment["KOVA_SCAN_QUEUE_URL"]) == []


@pytest.mark.stress
def test_webhooks_at_a_rate_are_accepted_and_worked_off_when_postgres_is_back(
    stack: AwayStack,
) -> None:
    kova = stack.kova
    names = [f"load/r{number}" for number in range(LOADED_REPOSITORIES)]
    for name in names:
        kova.github.state.create_repository(name, files={"a.py": BAD})
    payloads = [kova.github.push_event(name) for name in names]
    url = f"{kova.address}/webhooks/github"
    stack.postgres.stop(hurry=True)
    begin = time.monotonic()

    def deliver(number: int) -> int:
        # The moment of its turn; whoever is late delivers at once.
        time.sleep(max(0.0, begin + number / LOAD_PER_SECOND - time.monotonic()))
        return kova.github.deliver(url, "push", payloads[number % len(names)]).status_code

    number = LOAD_SECONDS * LOAD_PER_SECOND
    with ThreadPoolExecutor(32) as threads:
        answers = Counter(threads.map(deliver, range(number)))
    stack.postgres.start()
    wait_ready(stack.postgres)
    assert answers == {202: number}
    queue = kova.environment["KOVA_SCAN_QUEUE_URL"]
    eventually(lambda: depth(queue) == 0, 600, pause=0.5)
    scans = [scan for name in names for scan in kova.all("/api/scans", repository=name)]
    assert Counter(scan["status"] for scan in scans) == {"succeeded": len(names)}
    assert dead_letters(queue) == []
