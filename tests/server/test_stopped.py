"""Redis, Postgres and SQS stopped one at a time under load: told, degraded, bounded, recovered."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self

import httpx
import pytest

from kova.adapters.postgres.migrate import migrate
from kova_fakes.github import serve_github
from kova_server.embedded.service import Child, wait_ready
from kova_server.embedded.stack import start_services
from kova_server.embedded.supervisor import Supervisor
from tests.server.conftest import Kova, run_kova
from tests.support.eventually import eventually

LONGEST = 5.0
RECOVERY = 10.0
# What each part means: its name in /health, whether reads go on, whether webhooks are accepted.
PARTS = {
    "valkey": ("redis", 200, 202),
    "postgres": ("database", 503, 202),
    "sqs": ("queue", 200, 503),
}


@dataclass
class Stack:
    """Services of this module's own, each of which can be stopped."""

    children: dict[str, Child]
    kova: Kova

    def processes(self, part: str) -> list[int]:
        """A part's process and all below it: each connection to Postgres has one."""
        parents: dict[int, int] = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            parents[int(stat.parts[2])] = int(fields[1])
        child = self.children[part].process
        assert child is not None
        pids = [child.pid]
        for parent_pid in pids:
            pids += [pid for pid, parent in parents.items() if parent == parent_pid]
        return pids

    def stop(self, part: str, mode: str) -> None:
        if mode == "frozen":
            for pid in self.processes(part):
                os.kill(pid, signal.SIGSTOP)
        else:
            self.children[part].stop(hurry=True)

    def resume(self, part: str, mode: str) -> None:
        if mode == "frozen":
            for pid in self.processes(part):
                os.kill(pid, signal.SIGCONT)
        else:
            self.children[part].start()
            wait_ready(self.children[part])


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stopped")
    supervisor = Supervisor(folder)
    outside = {"KOVA_GITHUB_API_URL": "http://127.0.0.1:9", "KOVA_GITHUB_WEBHOOK_SECRET": "x"}
    try:
        settings = start_services(supervisor, folder, outside, fsync=False)
        migrate(settings["KOVA_DATABASE_URL"])
        names = ("KOVA_REDIS_URL", "KOVA_SCAN_QUEUE_URL", "AWS_ENDPOINT_URL_SQS")
        own = {key: settings[key] for key in names}
        with (
            serve_github() as github,
            run_kova(folder, settings["KOVA_DATABASE_URL"], github, **own) as kova,
        ):
            github.state.create_repository("octo/sample", files={"a.py": b"x = 1\n"})
            children = {child.service.name: child for child in supervisor.children}
            yield Stack(children, kova)
    finally:
        supervisor.stop()


@dataclass
class Load:
    """Readers and webhooks that go on all the while."""

    kova: Kova
    stopped: threading.Event = field(default_factory=threading.Event)
    answers: list[tuple[str, float, float, int]] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        for work in (self._read, self._read, self._deliver):
            thread = threading.Thread(target=work)
            self.threads.append(thread)
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def statuses_since(self, kind: str, moment: float) -> list[int]:
        """Statuses of calls that began after a moment."""
        return [answer[3] for answer in self.answers if answer[0] == kind and answer[1] >= moment]

    def _read(self) -> None:
        with httpx.Client(headers={"X-API-Key": self.kova.key}, timeout=30) as client:
            while not self.stopped.is_set():
                began = time.monotonic()
                answer = client.get(f"{self.kova.address}/api/scans")
                self._note("read", began, answer)

    def _deliver(self) -> None:
        while not self.stopped.is_set():
            began = time.monotonic()
            self._note("webhook", began, self.kova.deliver("octo/sample"))
            self.stopped.wait(0.05)

    def _note(self, kind: str, began: float, answer: httpx.Response) -> None:
        self.answers.append((kind, began, time.monotonic() - began, answer.status_code))
        if answer.is_error:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["retry-after"]


@pytest.mark.parametrize("mode", ["frozen", "gone"])
@pytest.mark.parametrize("part", list(PARTS))
def test_a_stopped_part_is_told_degrades_and_recovers(stack: Stack, part: str, mode: str) -> None:
    check, read, webhook = PARTS[part]
    health = f"{stack.kova.address}/health"

    def read_state() -> dict[str, str]:
        checks = httpx.get(health, timeout=LONGEST).json()["checks"]
        return {name: check["status"] for name, check in checks.items()}

    with Load(stack.kova) as load:
        eventually(lambda: load.statuses_since("read", 0) and load.statuses_since("webhook", 0), 10)
        stack.stop(part, mode)
        try:
            eventually(lambda: read_state()[check] == "unavailable", LONGEST)
            assert [name for name, status in read_state().items() if status != "ok"] == [check]
            degraded_at = time.monotonic()
            for kind in ("read", "webhook"):
                # One that began before may be in its way, and take as long.
                eventually(partial(load.statuses_since, kind, degraded_at), 2 * LONGEST)
        finally:
            back = time.monotonic()
            stack.resume(part, mode)
        assert set(load.statuses_since("read", degraded_at)) >= {read}
        assert set(load.statuses_since("webhook", degraded_at)) >= {webhook}
        eventually(lambda: set(read_state().values()) == {"ok"}, RECOVERY)
        eventually(
            lambda: (
                load.statuses_since("read", back)[-1:] == [200]
                and load.statuses_since("webhook", back)[-1:] == [202]
            ),
            RECOVERY,
        )
    assert max(seconds for _, _, seconds, _ in load.answers) < LONGEST
    assert {status for *_, status in load.answers} <= {200, 202, 503}
