"""`kova up --lambda`: the demo's job through the built functions, and every one of them killed."""

from __future__ import annotations

import base64
import os
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from kova_server.embedded.service import started_at
from tests.embedded.test_setup import printed_token
from tests.embedded.test_up import Up, start
from tests.support.eventually import eventually
from tests.support.lambdas import IdleProcess, function_pids, has_unread_event
from tests.support.setup import Browser

pytestmark = pytest.mark.built
# Two things to mend: the first edit is safe, the second waits for a person.
CODE = b"def f(x, seen=[]):\n    return x is 'a', seen\n"
MIGRATION_LOCK = 5_067_382_145
NAME = "octo/sample"


class LambdaUp:
    """One `kova up --lambda` beside its database, and the practice GitHub."""

    def __init__(self, up: Up, database: psycopg.Connection[Any]) -> None:
        self.up = up
        self.database = database

    def practice(self, method: str, path: str, **request: Any) -> httpx.Response:
        address = f"{self.up.settings['KOVA_GITHUB_API_URL']}/_control/{path}"
        return httpx.request(method, address, headers=self.up.practice, timeout=60, **request)

    def kova(self, method: str, path: str) -> Any:
        key = {"Authorization": f"Bearer {self.up.settings['KOVA_API_KEY']}"}
        url = f"http://127.0.0.1:{self.up.port}{path}"
        answer = httpx.request(method, url, headers=key, timeout=60)
        assert answer.is_success, answer.text
        return answer.json()

    def deliver(self) -> int:
        url = f"http://127.0.0.1:{self.up.port}/webhooks/github"
        body = {"url": url, "event": "push", "repository": NAME}
        answer = self.practice("POST", "deliver", json=body)
        assert answer.is_success, answer.text
        return int(answer.json()["status_code"])

    def shown(self) -> Any:
        return self.practice("GET", f"repositories/{NAME}").json()

    def pids(self, function: str) -> set[int]:
        return function_pids(self.up.pid("lambda"), function)

    def waiting_backends(self) -> set[int]:
        """Return the database's sessions that wait for a lock, or ask for it again and again."""
        rows = self.database.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND (wait_event_type = 'Lock' OR query LIKE 'SELECT pg_try_advisory_lock%')"
        ).fetchall()
        self.database.rollback()
        return {row[0] for row in rows}

    @contextmanager
    def locked(self, url: str, statement: str) -> Iterator[None]:
        """Let nobody pass a point until the end."""
        with psycopg.connect(url, autocommit=True) as connection, connection.transaction():
            connection.execute(statement)  # type: ignore[call-overload]
            yield

    def kill(self, pids: Callable[[], set[int]]) -> int:
        """Kill a function's process while it waits for a lock; return its id."""
        # The session that waits may be the periodic function's, which began sooner.
        (pid,) = eventually(lambda: self.waiting_backends() and pids(), 60, otherwise=self.logs)
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: started_at(pid) is None)
        return pid

    def logs(self) -> str:
        logs = sorted((self.up.folder / "logs").glob("*.log"))
        return self.up.output() + "".join(f"\n== {log}\n{log.read_text()[-2_000:]}" for log in logs)


def test_the_job_ends_right_though_every_function_is_killed_in_mid_invocation(
    build_folder: Path, tmp_path: Path, empty_database_url: str
) -> None:
    up = start(
        tmp_path / "data",
        arguments=("--lambda", "--build", str(build_folder), "--folder", str(tmp_path)),
        KOVA_DATABASE_URL=empty_database_url,
    )
    try:
        with psycopg.connect(empty_database_url) as database:
            stack = LambdaUp(up, database)
            _check_migration(stack, empty_database_url)
            _check_webhook(stack)
            # Its schedule calls it at once, and then every quarter of an hour.
            eventually(lambda: stack.pids("PeriodicFunction"), 60, otherwise=stack.logs)
            _check_scan(stack, empty_database_url)
            _check_fix(stack, empty_database_url)
            _check_refusals(stack)
            pids = function_pids(up.pid("lambda"), "ApiFunction")
            assert pids
        assert up.interrupt() == 0
        assert [pid for pid in pids if started_at(pid) is not None] == []
        assert list((up.folder / "lambda" / "environments").iterdir()) == []
    finally:
        up.process.kill()
        up.process.wait()


def _check_migration(stack: LambdaUp, url: str) -> None:
    """Nothing else starts before the migration; a killed one is sent its event again."""
    up = stack.up

    def migrating() -> set[int]:
        return function_pids(up.process.pid, "MigrateFunction")

    with stack.locked(url, f"SELECT pg_advisory_lock({MIGRATION_LOCK})"):
        killed = stack.kill(migrating)
        eventually(lambda: migrating() - {killed}, 60, otherwise=stack.logs)
        assert not (up.folder / "run" / "lambda.json").exists()
        assert stack.database.execute("SELECT to_regclass('scans')").fetchone() == (None,)
        stack.database.rollback()
        # A session's lock outlives its transaction.
    eventually(lambda: "kova scan ." in up.output(), 90, otherwise=stack.logs)


def _check_webhook(stack: LambdaUp) -> None:
    """A delivery whose function is killed has failed for GitHub, and is done when it comes again."""
    files = {"a.py": base64.b64encode(CODE).decode()}
    body = {"full_name": NAME, "files": files}
    assert stack.practice("POST", "repositories", json=body).is_success
    url = f"http://127.0.0.1:{stack.up.port}/webhooks/github"
    assert httpx.post(url, content=b"{}", timeout=60).status_code == 401
    (pid,) = stack.pids("GithubWebhookFunction")
    # Stopped sooner it would not have asked for the next event, and another one would get it.
    eventually(IdleProcess(pid), pause=0.3)
    os.kill(pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        delivery = pool.submit(stack.deliver)
        eventually(lambda: has_unread_event(pid), otherwise=stack.logs)
        os.kill(pid, signal.SIGKILL)
        assert delivery.result(60) == 500
    assert stack.kova("GET", "/api/scans")["items"] == []


def _check_scan(stack: LambdaUp, url: str) -> None:
    with stack.locked(url, "LOCK TABLE errors IN ACCESS EXCLUSIVE MODE"):
        assert stack.deliver() == 202
        stack.kill(lambda: stack.pids("ScanFunction"))

    def ended() -> list[Any]:
        scans = stack.kova("GET", "/api/scans")["items"]
        return [scan for scan in scans if scan["status"] in {"succeeded", "failed"}]

    (scan,) = eventually(ended, 120, pause=0.2, otherwise=stack.logs)
    assert (scan["status"], scan["stats"]["errors"]) == ("succeeded", 2), scan
    shown = eventually(lambda: stack.shown() if stack.shown()["pulls"] else None, 60)
    assert [run["conclusion"] for run in shown["check_runs"]] == ["failure"]
    assert len(shown["pulls"]) == 1


def _check_fix(stack: LambdaUp, url: str) -> None:
    fixes = {fix["rule_id"]: fix for fix in stack.kova("GET", "/api/fixes")["items"]}
    fix = fixes["B006"]
    assert fix["status"] == "verified"
    # The API writes to another table first.
    assert stack.kova("POST", f"/api/fixes/{fix['id']}/publish")["status"] == "queued"
    with stack.locked(url, "LOCK TABLE auto_fixes IN ACCESS EXCLUSIVE MODE"):
        stack.kill(lambda: stack.pids("FixFunction"))

    def published() -> bool:
        return bool(stack.kova("GET", f"/api/fixes/{fix['id']}")["status"] == "published")

    eventually(published, 120, pause=0.2, otherwise=stack.logs)
    titles = sorted(pull["title"] for pull in stack.shown()["pulls"])
    assert len(titles) == 2
    assert "Fix B006 in a.py" in titles


def _check_refusals(stack: LambdaUp) -> None:
    """What no route has, what is too large and what is no HTTP is refused, and it goes on."""
    address = f"http://127.0.0.1:{stack.up.port}"
    unknown = httpx.get(f"{address}/nowhere", timeout=30)
    assert (unknown.status_code, unknown.text) == (404, '{"message":"Not Found"}')
    # An HTTP API answers like that; it is no problem of Kova's own form.
    assert unknown.headers["content-type"] == "application/json"
    large = httpx.post(f"{address}/webhooks/github", content=bytes(10 * 1024**2 + 1), timeout=60)
    assert (large.status_code, large.text) == (413, '{"message":"Request Entity Too Large"}')
    for raw in (
        b"\x00\xff\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", stack.up.port), timeout=30) as connection:
            connection.sendall(raw)
            assert connection.recv(100).startswith(b"HTTP/1.1 400")
    health = httpx.get(f"{address}/health", headers={"x-forwarded-for": "203.0.113.9"}, timeout=60)
    assert health.status_code == 200, health.text


def test_an_app_made_by_setup_is_taken_into_use_by_functions_that_run(
    build_folder: Path, tmp_path: Path
) -> None:
    arguments = ("--setup", "--lambda", "--build", str(build_folder))
    up = start(tmp_path / "data", arguments=arguments)
    try:
        eventually(lambda: "kova scan ." in up.output(), 120, otherwise=up.output)
        address = f"http://127.0.0.1:{up.port}"
        unsigned = httpx.post(f"{address}/webhooks/github", content=b"{}", timeout=60)
        assert unsigned.status_code == 503  # Without a secret nothing is accepted.
        person = Browser(address)
        assert person.set_up(printed_token(up), name="Mine").status_code == 200
        eventually(lambda: person.get("/setup").status_code == 404, 60)

        def is_refused() -> bool:
            answer = httpx.post(f"{address}/webhooks/github", content=b"{}", timeout=60)
            return answer.status_code == 401  # Now there is a secret to compare with.

        eventually(is_refused, 60, pause=0.1)
        person.close()
        # A host that is killed comes back with its functions, and leaves none behind.
        host = up.pid("lambda")
        pids = function_pids(host, "SetupFunction")
        os.kill(host, signal.SIGKILL)
        eventually(lambda: all(started_at(pid) is None for pid in pids), 30)
        eventually(up.is_healthy, 60, pause=0.1, otherwise=up.output)
        assert up.interrupt() == 0
    finally:
        up.process.kill()
        up.process.wait()


def test_without_a_build_it_says_what_to_do_and_starts_nothing(tmp_path: Path) -> None:
    up = start(tmp_path / "data", arguments=("--lambda",))
    assert up.process.wait(timeout=60) == 2
    (line,) = up.output().splitlines()
    assert "run `make build` first" in line
    assert not up.folder.exists()


def test_a_migration_that_fails_is_one_line(build_folder: Path, tmp_path: Path) -> None:
    up = start(
        tmp_path / "data",
        arguments=("--lambda", "--build", str(build_folder)),
        KOVA_DATABASE_URL="postgresql://nobody:hunter2@127.0.0.1:9/none",
    )
    assert up.process.wait(timeout=120) == 2
    line = up.output().splitlines()[-1]
    assert line.startswith("kova: Migration failed, and nothing was started: ")
    assert "hunter2" not in up.output()
