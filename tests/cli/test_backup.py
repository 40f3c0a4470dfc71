"""A backup taken while work goes on is restored whole: rows and sequences."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import signal
import subprocess
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from kova_server.backup import BackupError, restore
from tests.support.eventually import eventually
from tests.support.kova_process import run_command, start_command
from tests.support.stores import new_claim, new_key, new_repository, postgres_stores

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
SEQUENCES = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'"


def run(url: str, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    variables = {"KOVA_ENV": "local", "KOVA_DATABASE_URL": url, **settings}
    return run_command(*arguments, environment=os.environ | variables)


def contents(url: str) -> dict[str, list[str]]:
    """Every row of every table but the one that is written to, as text."""
    with psycopg.connect(url) as connection:
        names = [name for (name,) in connection.execute(TABLES) if name != "audit_log"]
        return {
            name: sorted(
                str(row[0])
                for row in connection.execute(
                    sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(name))
                )
            )
            for name in names
        }


class Writer(threading.Thread):
    """Writes numbered rows until it is stopped, one transaction each."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self._stopped = threading.Event()
        self.written = 0

    def run(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._stopped.is_set():
                connection.execute(
                    "INSERT INTO audit_log (actor, action, target) VALUES ('w', 'key.created', %s)",
                    (str(self.written + 1),),
                )
                self.written += 1

    def stop(self) -> None:
        self._stopped.set()
        self.join(30)


async def write_rows(url: str) -> None:
    async with postgres_stores(url) as stores:
        repository = await new_repository(stores)
        await new_claim(stores, repository)
        await new_key(stores, "é ' \\ \t 🦀")


def test_a_backup_under_load_is_restored_whole(
    database_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    asyncio.run(write_rows(database_url))
    writer = Writer(database_url)
    writer.start()
    before = writer.written
    process = run(database_url, "backup", str(tmp_path))
    after = writer.written
    writer.stop()
    assert process.returncode == 0, process.stderr
    assert writer.written > after > before
    (file,) = tmp_path.glob("*.dump")
    assert file.stat().st_mode & 0o777 == 0o600
    assert str(file) in process.stdout
    restored = run(empty_database_url, "restore", str(file))
    assert restored.returncode == 0, restored.stderr
    assert contents(empty_database_url) == contents(database_url)
    with psycopg.connect(empty_database_url) as connection:
        rows = connection.execute("SELECT target::int FROM audit_log WHERE actor = 'w' ORDER BY 1")
        numbers = [number for (number,) in rows]
        sequences = dict(connection.execute(SEQUENCES).fetchall())
        connection.execute("INSERT INTO audit_log (actor, action, target) VALUES ('x', 'y', 'z')")
    assert numbers == list(range(1, len(numbers) + 1))
    assert before <= len(numbers) <= after + 1
    with psycopg.connect(database_url) as connection:
        assert set(sequences) == {name for name, _ in connection.execute(SEQUENCES)}
    assert "up to date" in run(empty_database_url, "migrate").stdout


def test_old_backups_make_room(database_url: str, tmp_path: Path) -> None:
    for _ in range(3):
        process = run(database_url, "backup", str(tmp_path / "new"), "--keep", "2")
        assert process.returncode == 0, process.stderr
    files = sorted((tmp_path / "new").iterdir())
    assert len(files) == 2
    assert re.search(r"removed .*\.dump", process.stdout)


@pytest.mark.parametrize("name", ["kova-mine.dump", "kova-20990101T000000000000Z.dump"])
def test_the_new_backup_stays_whatever_else_is_there(
    database_url: str, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).touch()
    for _ in range(2):
        process = run(database_url, "backup", str(tmp_path), "--keep", "1")
        assert process.returncode == 0, process.stderr
        written = Path(process.stdout.split(" (")[0])
        assert written.stat().st_size > 0
    assert {file.name for file in tmp_path.iterdir()} - {"kova-mine.dump"} == {written.name}
    assert (tmp_path / name).exists() is (name == "kova-mine.dump")
    assert str(written) in run(database_url, "backup", str(tmp_path), "--check").stdout


@pytest.mark.parametrize("content", [b"", b"no backup"])
def test_a_newest_backup_that_cannot_be_read_fails_the_check(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / f"kova-{datetime.now(UTC):%Y%m%dT%H%M%S}000000Z.dump").write_bytes(content)
    process = run("", "backup", str(tmp_path), "--check")
    assert (process.returncode, process.stdout) == (2, "")


def test_backups_at_the_same_time_leave_a_whole_one(database_url: str, tmp_path: Path) -> None:
    variables = os.environ | {"KOVA_ENV": "local", "KOVA_DATABASE_URL": database_url}
    with (tmp_path / "output").open("w+") as output:
        processes = [
            start_command(
                *("backup", tmp_path / "new", "--keep", "1"),
                environment=variables,
                stdout=output,
                stderr=output,
            )
            for _ in range(4)
        ]
        assert [process.wait(60) for process in processes] == [0] * 4, output.read()
    assert str(tmp_path) in run(database_url, "backup", str(tmp_path / "new"), "--check").stdout


def test_a_backup_is_not_restored_over_tables(database_url: str, tmp_path: Path) -> None:
    assert run(database_url, "backup", str(tmp_path)).returncode == 0
    (file,) = tmp_path.glob("*.dump")
    before = contents(database_url)
    process = run(database_url, "restore", str(file))
    assert (process.returncode, process.stdout) == (2, "")
    assert "has tables" in process.stderr
    assert contents(database_url) == before


def test_a_damaged_backup_leaves_an_empty_database(
    database_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    assert run(database_url, "backup", str(tmp_path)).returncode == 0
    (file,) = tmp_path.glob("*.dump")
    content = file.read_bytes()
    for damaged in (b"", b"no backup", content[: len(content) * 3 // 4]):
        file.write_bytes(damaged)
        process = run(empty_database_url, "restore", str(file))
        assert process.returncode == 2
        assert len(process.stderr.splitlines()) == 1
        assert contents(empty_database_url) == {}


def test_a_backup_replaces_what_is_there_and_can_be_backed_up_again(
    database_url: str, tmp_path: Path
) -> None:
    asyncio.run(write_rows(database_url))
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE counted (id bigint GENERATED ALWAYS AS IDENTITY)")
        connection.execute("INSERT INTO counted SELECT FROM generate_series(1, 7)")
    before = contents(database_url)
    for number in range(2):
        folder = tmp_path / str(number)
        assert run(database_url, "backup", str(folder)).returncode == 0
        (file,) = folder.glob("*.dump")
        with psycopg.connect(database_url) as connection:
            connection.execute("TRUNCATE repositories CASCADE; CREATE TABLE later ()")
        restored = run(database_url, "restore", str(file), "--replace")
        assert restored.returncode == 0, restored.stderr
        assert contents(database_url) == before
    with psycopg.connect(database_url) as connection:
        row = connection.execute("INSERT INTO counted DEFAULT VALUES RETURNING id").fetchone()
    assert row == (8,)


@pytest.mark.parametrize("kept", [0.5, 0.9, 0.999])
def test_a_damaged_backup_replaces_nothing(database_url: str, tmp_path: Path, kept: float) -> None:
    asyncio.run(write_rows(database_url))
    assert run(database_url, "backup", str(tmp_path)).returncode == 0
    (file,) = tmp_path.glob("*.dump")
    before = contents(database_url)
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * kept)])
    process = run(database_url, "restore", str(file), "--replace")
    assert process.returncode == 2
    assert len(process.stderr.splitlines()) == 1
    assert contents(database_url) == before


def test_backups_are_made_until_the_end_and_their_age_is_checked(
    database_url: str, tmp_path: Path
) -> None:
    check = ("backup", str(tmp_path / "new"), "--every", "1", "--check")
    assert run(database_url, *check).returncode == 2
    variables = {"KOVA_ENV": "local", "KOVA_DATABASE_URL": database_url}
    with (tmp_path / "output").open("w") as output:
        process = start_command(
            *("backup", tmp_path / "new", "--every", "0.01", "--keep", "2"),
            environment=os.environ | variables,
            stdout=output,
            stderr=output,
        )
    eventually(lambda: ".dump" in (tmp_path / "output").read_text())
    process.terminate()
    assert process.wait(30) == 0
    (file,) = (tmp_path / "new").iterdir()
    assert str(file) in run(database_url, *check).stdout
    long_ago = file.stat().st_mtime - 2.1 * 3600
    os.utime(file, (long_ago, long_ago))
    assert "2 hours old" in run(database_url, *check).stderr


def test_what_a_killed_run_has_left_goes_and_what_a_run_works_on_stays(
    database_url: str, tmp_path: Path
) -> None:
    files = {name: tmp_path / f"kova-{name}.unfinished" for name in ("left", "busy", "new")}
    for file in files.values():
        file.touch()
    for name in ("left", "busy"):
        os.utime(files[name], (time.time() - 3_600,) * 2)
    with files["busy"].open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert run(database_url, "backup", str(tmp_path)).returncode == 0
    assert set(tmp_path.glob("*.unfinished")) == {files["busy"], files["new"]}


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_what_cannot_be_done_is_one_line_without_the_password(command: str, tmp_path: Path) -> None:
    url = "postgresql://kova:hunter2@127.0.0.1:9/kova"
    process = run(url, command, str(tmp_path / "x"))
    assert (process.returncode, process.stdout) == (2, "")
    (line,) = process.stderr.splitlines()
    assert "hunter2" not in line


def test_programs_of_another_version_are_refused(database_url: str, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "pg_dump"
    program.write_text("#!/bin/sh\necho pg_dump '(PostgreSQL)' 12.3\n")
    program.chmod(0o755)
    process = run(database_url, "backup", str(tmp_path / "x"), KOVA_PG_BIN=str(programs))
    assert process.returncode == 2
    assert "version 12 and the server of 18" in process.stderr
    assert not list((tmp_path / "x").glob("*")) or not (tmp_path / "x").exists()


def test_a_backup_of_another_application_is_refused(
    database_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("CREATE TABLE invoices (); CREATE TABLE errors ()")
    assert run(empty_database_url, "backup", str(tmp_path)).returncode == 0
    (file,) = tmp_path.glob("*.dump")
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("DROP TABLE invoices, errors")
    before = contents(database_url)
    for process in (
        run(database_url, "restore", str(file), "--replace"),
        run(empty_database_url, "restore", str(file)),
    ):
        assert (process.returncode, process.stdout) == (2, "")
        assert "schema_migrations" in process.stderr
    assert contents(database_url) == before
    assert contents(empty_database_url) == {}


def test_the_programs_reach_the_server_that_was_checked(
    database_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    with psycopg.connect(database_url) as connection:
        info = connection.info
        variables = {
            "PGHOST": info.host,
            "PGPORT": str(info.port),
            "PGUSER": info.user,
            "PGPASSWORD": info.password or "any",
            "PGDATABASE": "missing",
        }
        source = f"postgresql:///{info.dbname}"
    process = run(source, "backup", str(tmp_path), **variables)
    assert process.returncode == 0, process.stderr
    (file,) = tmp_path.glob("*.dump")
    target = f"postgresql:///{empty_database_url.rpartition('/')[2]}"
    for arguments in ((), ("--replace",)):
        process = run(target, "restore", str(file), *arguments, **variables)
        assert process.returncode == 0, process.stderr
        assert contents(empty_database_url) == contents(database_url)


def test_a_folder_that_cannot_be_made_is_tried_again(database_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    folder.touch()
    once = run(database_url, "backup", str(folder))
    assert (once.returncode, len(once.stderr.splitlines())) == (2, 1)
    with (tmp_path / "output").open("w") as output:
        process = start_command(
            *("backup", folder, "--every", "0.01"),
            environment=os.environ | {"KOVA_ENV": "local", "KOVA_DATABASE_URL": database_url},
            stdout=output,
            stderr=output,
        )
    eventually(lambda: "\n" in (tmp_path / "output").read_text())
    assert process.poll() is None
    process.terminate()
    assert process.wait(30) == 0
    assert "It is tried again in 36 s." in (tmp_path / "output").read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_pg_dump_ends_with_the_command(
    database_url: str, tmp_path: Path, number: signal.Signals
) -> None:
    dumps = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND application_name = 'pg_dump'"
    name = database_url.rpartition("/")[2]
    with (
        psycopg.connect(database_url, autocommit=True) as observer,
        psycopg.connect(database_url) as owner,
        (tmp_path / "output").open("w") as output,
    ):
        owner.execute("LOCK TABLE errors")  # pg_dump waits for it.
        process = start_command(
            *("backup", tmp_path / "new"),
            environment=os.environ | {"KOVA_ENV": "local", "KOVA_DATABASE_URL": database_url},
            stdout=output,
            stderr=output,
        )
        eventually(lambda: observer.execute(dumps, (name,)).fetchall())
        process.send_signal(number)
        assert process.wait(30) != 0
        eventually(lambda: not observer.execute(dumps, (name,)).fetchall(), 5)
    files = list((tmp_path / "new").iterdir())
    assert [file.suffix for file in files] == [".unfinished"] * (number == signal.SIGKILL)


def test_a_restore_does_not_wait_for_ever(database_url: str, tmp_path: Path) -> None:
    assert run(database_url, "backup", str(tmp_path)).returncode == 0
    (file,) = tmp_path.glob("*.dump")
    before = contents(database_url)
    with psycopg.connect(database_url) as reader:
        reader.execute("SELECT FROM errors")
        with pytest.raises(BackupError, match="reads or writes"):
            restore(database_url, file, replace=True, lock_seconds=0.1)
    assert contents(database_url) == before
