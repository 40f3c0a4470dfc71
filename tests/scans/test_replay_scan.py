"""`kova scans replay` says what each step of a scan sees, and changes nothing."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import psycopg
import pytest

from kova.bootstrap.core import Core
from kova.bootstrap.scans import ScanRoot
from kova.bootstrap.settings import load_settings
from kova.bootstrap.workers.scan_job import replay_scan
from kova.shared.exceptions import NotFoundError
from tests.server.conftest import Kova
from tests.server.conftest import github as github  # noqa: PLC0414 (a fixture)
from tests.server.conftest import kova as kova  # noqa: PLC0414
from tests.server.conftest import session_kova as session_kova  # noqa: PLC0414
from tests.support.kova_process import run_command

NAME = "octo/replayed"
FILES = {"a.py": b"def f(x):\n    return x is 'a'\n", "b.py": b"x = 1\n", "big.bin": b"\0"}
TABLES = ("scans", "errors", "auto_fixes", "analysis_cache")


def rows(kova: Kova) -> dict[str, list[tuple[object, ...]]]:
    with psycopg.connect(kova.environment["KOVA_DATABASE_URL"]) as connection:
        return {
            table: sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr)  # type: ignore[call-overload]  # noqa: S608 (names of this file)
            for table in TABLES
        }


def replay(kova: Kova, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_command("scans", "replay", *arguments, environment=kova.environment)


def test_each_step_is_said_and_nothing_is_written_or_published(kova: Kova) -> None:
    kova.push(NAME, FILES)
    (scan,) = kova.wait_for_scans(1)
    before = rows(kova)
    kova.github.state.requests.clear()
    ended = replay(kova, scan["id"], "--full")
    assert ended.returncode == 0, ended.stderr
    steps = [line for line in ended.stdout.splitlines() if not line.startswith(" ")]
    assert steps == ["scan", "target", "files", "analysers", "findings", "matching", "fixes"]
    assert "high ruff F632 a.py:2:12" in ended.stdout
    assert "0 known from earlier scans" in ended.stdout
    assert "verified F632 a.py:2" in ended.stdout
    assert rows(kova) == before
    sent = [request.path for request in kova.github.state.requests if request.method != "GET"]
    assert set(sent) <= {"/app/installations/42/access_tokens"}


def test_what_was_analysed_before_is_known(kova: Kova) -> None:
    kova.push(NAME, FILES)
    (scan,) = kova.wait_for_scans(1)
    assert "2 known from earlier scans, 0 fetched" in replay(kova, scan["id"]).stdout


def test_of_a_pull_request_what_it_introduces_is_said(kova: Kova) -> None:
    kova.push(NAME, {"b.py": b"x = 1\n"})
    kova.wait_for_scans(1)
    kova.github.state.push(NAME, FILES, branch="topic")
    kova.github.state.open_pull(NAME, head="topic", base="main", title="Topic")
    payload = kova.github.pull_request_event(NAME, 1, "opened")
    kova.github.deliver(f"{kova.address}/webhooks/github", "pull_request", payload)
    scans = kova.wait_for_scans(2)
    pull = next(scan for scan in scans if scan["trigger"] == "pull_request")
    output = replay(kova, pull["id"]).stdout
    assert "pull request 1 against" in output
    assert "F632" in output
    assert "matching" not in output


def test_an_unknown_scan_is_one_line_and_exit_2(kova: Kova) -> None:
    ended = replay(kova, "00000000-0000-4000-8000-000000000000")
    assert (ended.returncode, ended.stderr) == (2, "kova: There is no such scan.\n")


def test_the_use_case_raises_for_an_unknown_scan(kova: Kova, tmp_path: Path) -> None:
    async def ask() -> None:
        core = Core(load_settings(kova.environment))
        try:
            job = replay_scan(core, ScanRoot(core))
            async for _ in job.replay("not-an-id", tmp_path):
                pass
        finally:
            await core.close()

    with pytest.raises(NotFoundError):
        asyncio.run(ask())
