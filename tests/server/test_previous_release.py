"""The previous release works on today's tables: they are migrated before the new code is there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, LiteralString

import httpx
import psycopg
import pytest

from kova.scans.message import ScanJob, encode_scan_job
from kova.scans.scan import ScanTarget, Trigger
from kova_fakes.github import serve_github
from tests.conftest import fresh_database
from tests.server.conftest import Kova, run_kova
from tests.support.previous_release import (
    ROOT,
    HistoryMissingError,
    Release,
    find_previous_release,
    unpack_previous_release,
)

BAD: Final = b"import re\n\n\ndef f(x):\n    return x is 'a' and re.match('\\d', x)\n"
NAME: Final = "octo/sample"


def test_without_a_history_it_is_said(release: Release, tmp_path: Path) -> None:
    with pytest.raises(HistoryMissingError, match="not a git checkout"):
        find_previous_release(release.newest_migration, tmp_path)
    shallow = tmp_path / "shallow"
    command = ["git", "clone", "--quiet", "--depth", "1", f"file://{ROOT}", str(shallow)]
    subprocess.run(command, check=True)
    with pytest.raises(HistoryMissingError, match="shallow clone"):
        find_previous_release(release.newest_migration, shallow)


def test_a_migration_that_is_not_committed_came_after_the_last_commit() -> None:
    try:
        commit = find_previous_release("29990101000000_new.sql")
    except (HistoryMissingError, FileNotFoundError) as exc:
        pytest.skip(f"the previous release cannot be had: {exc}")
    command = ["git", "rev-parse", "HEAD"]
    head = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert commit == head.stdout.strip()


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    try:
        return unpack_previous_release(tmp_path_factory.mktemp("previous"))
    except (HistoryMissingError, FileNotFoundError) as exc:
        pytest.skip(f"the previous release cannot be had: {exc}")


@pytest.fixture(scope="module")
def previous(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kova]:
    """The previous release's server and worker on a database with today's tables."""
    with fresh_database() as database, serve_github() as github:
        folder = tmp_path_factory.mktemp("log")
        with run_kova(folder, database, github, **release.variables()) as kova:
            kova.start_worker()
            yield kova


def use(kova: Kova) -> None:
    """Do once what a team does with Kova, by calls that no release may take away."""
    errors = kova.all("/api/errors", repository=NAME, status="open")
    assert {error["rule_id"] for error in errors} == {"F632", "W605"}
    paths = ["/api/scans", "/api/repositories", "/api/fixes", "/api/keys", "/api/audit"]
    if "/ai/commands" in kova.get("/openapi.json")["paths"]:
        paths.append("/ai/commands")
    for path in paths:
        kova.all(path)
    ignore = {"status": "ignored", "reason": "it is meant so"}
    for change in (ignore, {"status": "open"}):
        answer = kova.client.patch(f"/api/errors/{errors[0]['id']}", json=change)
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == change["status"]
    scan = {"repository": NAME, "full": False, "fix": False}
    assert kova.client.post("/api/scan", json=scan).status_code == 202
    key = {"name": "another", "scopes": ["read"]}
    assert kova.client.post("/api/keys", json=key).status_code == 201


def test_it_is_the_previous_code_that_runs(release: Release, previous: Kova) -> None:
    command = "import kova, kova_server, functions as f; print(kova, kova_server, f)"
    process = subprocess.run(
        [sys.executable, "-c", command],
        env=previous.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout.count(str(release.folder)) == 3
    assert release.newest_migration not in release.migrations()


def test_the_previous_release_reads_todays_messages(release: Release) -> None:
    target = ScanTarget(
        repository=NAME,
        trigger=Trigger.PUSH,
        ref="refs/heads/main",
        commit_sha="a" * 40,
        before="b" * 40,
        forced=True,
        pushed_at=1_764_000_000,
        push_id="1764000000",
    )
    body = encode_scan_job(ScanJob(target=target))
    command = (
        "import sys; from kova.scans.message import decode_scan_job;"
        " target = decode_scan_job(sys.argv[1]).target; print(target.dedupe_key)"
    )
    process = subprocess.run(
        [sys.executable, "-c", command, body],
        env={**os.environ, **release.variables()},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "a" * 40 in process.stdout


@pytest.fixture(scope="module")
def scanned(previous: Kova) -> Kova:
    """The previous release after a push ended in a scan."""
    sha = previous.push(NAME, {"a.py": BAD})
    (scan,) = previous.wait_for_scans(1)
    assert (scan["status"], scan["commit_sha"]) == ("succeeded", sha), scan
    return previous


def test_the_previous_release_works_on_todays_tables(scanned: Kova) -> None:
    use(scanned)


# What makes the tables unusable for it, and what takes that back.
BREAKING: Final[dict[str, tuple[LiteralString, LiteralString]]] = {
    "a column that goes away": (
        "ALTER TABLE errors RENAME snippet TO gone",
        "ALTER TABLE errors RENAME gone TO snippet",
    ),
    "a column that old code does not fill in": (
        "ALTER TABLE audit_log ADD added text, ADD CHECK (added IS NOT NULL) NOT VALID",
        "ALTER TABLE audit_log DROP added",
    ),
    "a rule that old code does not obey": (
        "ALTER TABLE audit_log ADD CONSTRAINT added CHECK (action = 'added') NOT VALID",
        "ALTER TABLE audit_log DROP CONSTRAINT added",
    ),
}


@pytest.mark.parametrize("breakage", BREAKING)
def test_a_migration_that_breaks_it_is_noticed(scanned: Kova, breakage: str) -> None:
    breaking, undo = BREAKING[breakage]
    url = scanned.environment["KOVA_DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(breaking)
        try:
            with pytest.raises(AssertionError), fresh_client(scanned) as kova:
                use(kova)
        finally:
            connection.execute(undo)
    with fresh_client(scanned) as kova:
        use(kova)


@contextmanager
def fresh_client(kova: Kova) -> Iterator[Kova]:
    """Yield the same product over connections of its own: the server ends one at a failure."""
    with httpx.Client(base_url=kova.address, headers=kova.client.headers, timeout=10) as client:
        yield replace(kova, client=client)
