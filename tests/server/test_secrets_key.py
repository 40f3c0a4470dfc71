"""KOVA_SECRETS_KEY: who sets it keeps what was known of secrets under the key of before."""

from __future__ import annotations

import signal
from pathlib import Path

import psycopg
import pytest

from kova_fakes.github import FakeGitHub
from tests.analyzers.conftest import make_token
from tests.server.conftest import Kova, run_kova
from tests.support.kova_process import run_command
from tests.support.queues import environment

TOKEN = make_token()


def file(lines: int) -> bytes:
    """The token, moved down: where it stands says nothing about which one it is."""
    return b"#\n" * lines + f'token = "{TOKEN}"\n'.encode()


def work(kova: Kova, lines: int, **settings: str) -> None:
    """Scan a push with a worker of these settings."""
    kova.environment |= settings
    worker = kova.start_worker()
    kova.push("octo/sample", {"a.py": file(lines)})
    scans = kova.wait_for_scans(lines)
    assert {scan["status"] for scan in scans} == {"succeeded"}
    worker.send_signal(signal.SIGTERM)
    worker.wait(timeout=30)


def trait(kova: Kova) -> str:
    with psycopg.connect(kova.environment["KOVA_DATABASE_URL"]) as connection:
        ((match,),) = connection.execute("SELECT trait_match FROM errors").fetchall()
    return str(match)


def test_errors_about_secrets_stay_the_same_when_the_key_is_set(
    tmp_path: Path, database_url: str, github: FakeGitHub
) -> None:
    # Without the setting, the first webhook secret was the key.
    before = github.webhook_secret
    with run_kova(tmp_path, database_url, github, KOVA_SECRETS_KEY=before) as kova:
        work(kova, 1)
        (error,) = kova.all("/api/errors")
        ignored = {"status": "ignored", "reason": "revoked"}
        assert kova.client.patch(f"/api/errors/{error['id']}", json=ignored).status_code == 200
        old = trait(kova)

        work(kova, 2, KOVA_SECRETS_KEY="a key of its own")
        (again,) = kova.all("/api/errors")
        assert (again["id"], again["status"]) == (error["id"], "ignored")
        new = trait(kova)
        assert new != old

        work(kova, 3, KOVA_GITHUB_WEBHOOK_SECRET="rotated")
        (third,) = kova.all("/api/errors")
        assert (third["id"], third["status"]) == (error["id"], "ignored")
        assert third["start_line"] == 4
        assert trait(kova) == new


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_production_needs_the_key_and_says_so_with_all_else_that_is_missing(command: str) -> None:
    process = run_command(command, environment=environment() | {"KOVA_ENV": "production"})
    assert process.returncode == 2
    (line,) = process.stderr.splitlines()
    for name in ("KOVA_SECRETS_KEY", "KOVA_DATABASE_URL", "KOVA_SCAN_QUEUE_URL"):
        assert f"{name} is missing" in line
