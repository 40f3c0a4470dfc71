"""A part is missing: the answer says which, and nothing hangs."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest

from kova.access.api_key import Scope
from kova_fakes.github import FakeGitHub
from tests.server.conftest import Kova, run_kova
from tests.support.kova_process import run_command
from tests.support.queues import environment


def test_without_sqs_the_intake_answers_503_and_health_says_why(
    tmp_path: Path, database_url: str, github: FakeGitHub
) -> None:
    github.state.create_repository("octo/sample", files={"a.py": b"x = 1\n"})
    dead = {"AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:9"}
    with run_kova(tmp_path, database_url, github, **dead) as kova:
        started = time.monotonic()
        answer = kova.deliver("octo/sample")
        assert (answer.status_code, answer.json()["reason"]) == (503, "queue_unavailable")
        assert answer.headers["retry-after"]
        health = httpx.get(f"{kova.address}/health")
        assert health.status_code == 503
        assert health.json()["checks"]["queue"]["status"] == "unavailable"
        assert health.json()["checks"]["database"]["status"] == "ok"
        assert time.monotonic() - started < 10


def test_without_a_database_the_intake_still_accepts(
    tmp_path: Path, database_url: str, github: FakeGitHub
) -> None:
    github.state.create_repository("octo/sample", files={"a.py": b"x = 1\n"})
    unreachable = {"KOVA_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"}
    with run_kova(tmp_path, database_url, github, **unreachable) as kova:
        assert kova.deliver("octo/sample").status_code == 202
        answer = kova.client.get("/api/scans")
        assert (answer.status_code, answer.json()["reason"]) == (503, "database_unavailable")


def test_without_a_webhook_secret_nothing_is_accepted(
    tmp_path: Path, database_url: str, github: FakeGitHub
) -> None:
    github.state.create_repository("octo/sample", files={"a.py": b"x = 1\n"})
    with run_kova(tmp_path, database_url, github, KOVA_GITHUB_WEBHOOK_SECRET="") as kova:
        answer = kova.deliver("octo/sample")
        assert (answer.status_code, answer.json()["reason"]) == (503, "not_configured")


def test_with_a_personal_token_a_commit_status_stands_for_the_check_run(
    tmp_path: Path, database_url: str, github: FakeGitHub
) -> None:
    token = {
        "KOVA_GITHUB_APP_ID": "",
        "KOVA_GITHUB_PRIVATE_KEY": "",
        "KOVA_GITHUB_TOKEN": github.token,
    }
    with run_kova(tmp_path, database_url, github, **token) as kova:
        kova.start_worker()
        kova.push("octo/sample", {"a.py": b"def f(x):\n    return x is 'a'\n"})
        (scan,) = kova.wait_for_scans(1)
        assert scan["status"] == "succeeded", scan["failure"]
        (status,) = github.state.statuses("octo/sample")
        assert (status["state"], status["context"]) == ("failure", "kova")
        assert len(github.state.pulls("octo/sample")) == 1


def test_every_bad_setting_is_reported_at_once() -> None:
    wrong = {"KOVA_DATABASE_URL": "mysql://x", "KOVA_MAX_FILES": "-1"}
    process = run_command("serve", environment=environment() | wrong)
    assert process.returncode == 2
    for name in ("KOVA_DATABASE_URL", "KOVA_MAX_FILES", "KOVA_SCAN_QUEUE_URL"):
        assert name in process.stderr
    assert "mysql" not in process.stderr


@pytest.mark.parametrize("scope", [Scope.READ, Scope.SCAN])
def test_a_scope_opens_its_own_door_only(kova: Kova, scope: Scope) -> None:
    client = kova.with_new_key(scope).client
    read, scan_answer = (
        client.get("/api/scans"),
        client.post("/api/scan", json={"repository": "o/none"}),
    )
    expected = (200, 403) if scope is Scope.READ else (403, 404)
    assert (read.status_code, scan_answer.status_code) == expected
