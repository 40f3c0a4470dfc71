"""A database whose tables are older than the code: said at once, answered with 503, never 500."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from typing import LiteralString

import httpx
import psycopg
import pytest

from kova.adapters.postgres.migrate import migrate
from kova.adapters.postgres.pool import Database
from kova.adapters.postgres.schema import NEEDED_VERSION
from kova.shared.exceptions import DatabaseUnavailableError, SchemaOutdatedError
from kova_fakes.github import FakeGitHub
from tests.server.conftest import run_kova
from tests.support.kova_process import run_command
from tests.support.queues import environment, make_queue


def execute(url: str, statement: LiteralString, *parameters: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement, parameters or None)


@pytest.fixture
def empty(database_url: str) -> str:
    execute(database_url, "DROP SCHEMA public CASCADE")
    execute(database_url, "CREATE SCHEMA public")
    return database_url


@pytest.fixture
def older(database_url: str) -> str:
    execute(database_url, "DELETE FROM schema_migrations WHERE version = %s", NEEDED_VERSION)
    return database_url


def test_the_needed_version_is_that_of_the_newest_migration() -> None:
    folder = files("kova.adapters.postgres") / "migrations"
    versions = [Path(file.name).name.partition("_")[0] for file in folder.iterdir()]
    assert max(versions) == NEEDED_VERSION


@pytest.mark.parametrize("state", ["empty", "older"])
async def test_nothing_is_lent_of_an_outdated_database_until_it_is_migrated(
    state: str, request: pytest.FixtureRequest
) -> None:
    url: str = request.getfixturevalue(state)
    database = Database(url)
    try:
        for _ in range(2):
            with pytest.raises(SchemaOutdatedError, match="kova migrate"):
                await database.ping()
            for lend in (database.statement, database.transaction, database.reading):
                with pytest.raises(SchemaOutdatedError):
                    async with lend():
                        pytest.fail("it was lent")
        if state == "older":
            execute(url, "INSERT INTO schema_migrations VALUES (%s)", NEEDED_VERSION)
        else:
            migrate(url)
        await database.ping()
        async with database.statement() as connection:
            await connection.execute("SELECT 1 FROM errors")
    finally:
        await database.close()


async def test_a_newer_database_is_fine(database_url: str) -> None:
    execute(database_url, "INSERT INTO schema_migrations VALUES ('29991231000000')")
    database = Database(database_url)
    await database.ping()
    await database.close()


async def test_tables_that_go_away_under_a_running_process_are_noticed(database_url: str) -> None:
    database = Database(database_url)
    try:
        async with database.statement() as connection:
            await connection.execute("SELECT 1 FROM errors")
        with pytest.raises(psycopg.errors.UndefinedColumn):  # A fault of ours stays one.
            async with database.statement() as connection:
                await connection.execute("SELECT nothing FROM errors")
        execute(database_url, "DROP SCHEMA public CASCADE")
        with pytest.raises(SchemaOutdatedError):
            await database.ping()
        with pytest.raises(SchemaOutdatedError):
            async with database.statement() as connection:
                await connection.execute("SELECT 1 FROM errors")
    finally:
        await database.close()


async def test_an_outdated_replica_is_not_read(database_url: str) -> None:
    # The server's own database stands for a replica that has not got the tables yet.
    replica = f"{database_url.rpartition('/')[0]}/postgres"
    database = Database(database_url, replica)
    try:
        async with database.reading() as connection:
            await connection.execute("SELECT 1 FROM errors")
        with pytest.raises(DatabaseUnavailableError):
            await database.ping_replica()
    finally:
        await database.close()


@pytest.mark.parametrize("command", ["serve", "worker"])
@pytest.mark.parametrize("state", ["empty", "older"])
def test_neither_server_nor_worker_starts(
    command: str, state: str, request: pytest.FixtureRequest
) -> None:
    variables = environment() | {
        "KOVA_DATABASE_URL": request.getfixturevalue(state),
        "KOVA_SCAN_QUEUE_URL": make_queue(),
        "KOVA_GITHUB_TOKEN": "x",
    }
    process = run_command(command, environment=os.environ | variables)
    assert process.returncode == 2
    (line,) = process.stderr.splitlines()
    assert line.startswith("kova: ")
    assert "kova migrate" in line


def test_health_and_the_api_say_so(tmp_path: Path, database_url: str, github: FakeGitHub) -> None:
    with run_kova(tmp_path, database_url, github, KOVA_REDIS_URL="") as kova:
        assert kova.client.get("/api/scans").status_code == 200
        execute(database_url, "DROP SCHEMA public CASCADE")
        health = httpx.get(f"{kova.address}/health")
        assert health.status_code == 503
        assert health.json()["checks"]["database"]["detail"] == "schema_outdated"
        answer = kova.client.get("/api/scans")
        assert (answer.status_code, answer.json()["reason"]) == (503, "schema_outdated")
        assert "kova migrate" in answer.json()["detail"]
        assert answer.headers["retry-after"]
        execute(database_url, "CREATE SCHEMA public")
        migrate(database_url)
        assert httpx.get(f"{kova.address}/health").status_code == 200
        # The keys went with the tables; this one may be remembered for some seconds.
        assert kova.client.get("/api/scans").status_code in {200, 401}
