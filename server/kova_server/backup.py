"""Backups of the database by Postgres's own programs, of the server's major version."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

import psycopg
from psycopg.pq import Conninfo

from kova.shared.exceptions import ConflictError, DatabaseUnavailableError, KovaError
from kova_server.embedded.postgres import find_program

_PREFIX: Final = "kova-"
_SUFFIX: Final = ".dump"
_UNFINISHED: Final = ".unfinished"
_HOUR_SECONDS: Final = 3_600
_DAY_SECONDS: Final = 24 * _HOUR_SECONDS
_ERROR_LIMIT: Final = 500  # Characters of a program's message.
_TABLES: Final = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"


class BackupError(KovaError):
    """The backup could not be made or restored."""

    reason = "backup_failed"


@dataclass(frozen=True, kw_only=True)
class Backup:
    """A file that holds a whole database."""

    file: Path
    size: int  # Bytes.
    removed: tuple[Path, ...] = ()


def back_up(database_url: str, folder: Path, keep: int) -> Backup:
    """Write the database as it is at this moment into a new file; work goes on meanwhile.

    Args:
        database_url: a user that may read everything.
        folder: gets the file, under a name that sorts by time; it is made where it is missing.
        keep: how many backups stay in the folder, the new one counted; older ones are removed.

    Raises:
        DatabaseUnavailableError: the database does not answer.
        BackupError: pg_dump is of an older major version than the server, or failed.
    """
    _check_version(database_url, "pg_dump")
    folder.mkdir(parents=True, exist_ok=True)
    moment = datetime.now(UTC)
    file = folder / f"{_PREFIX}{moment:%Y%m%dT%H%M%S}{moment.microsecond:06}Z{_SUFFIX}"
    _remove_unfinished(folder)
    unfinished = file.with_suffix(_UNFINISHED)
    unfinished.touch(mode=0o600)
    try:
        arguments = ["--format=custom", "--no-owner", "--no-privileges", f"--file={unfinished}"]
        _run("pg_dump", arguments, database_url)
        _check_readable(unfinished)
        with unfinished.open("rb") as content:
            os.fsync(content.fileno())
        unfinished.rename(file)
    finally:
        unfinished.unlink(missing_ok=True)
    backups = sorted(folder.glob(f"{_PREFIX}*{_SUFFIX}"))
    removed = tuple(backups[: max(len(backups) - keep, 0)])
    for old in removed:
        old.unlink()
    return Backup(file=file, size=file.stat().st_size, removed=removed)


def check_age(folder: Path, hours: float) -> Path:
    """Return the newest backup.

    Raises:
        BackupError: there is none, or it is older than so many hours.
    """
    newest = max(folder.glob(f"{_PREFIX}*{_SUFFIX}"), default=None)
    if newest is None:
        raise BackupError(f"There is no backup in {folder}.")
    age = (time.time() - newest.stat().st_mtime) / _HOUR_SECONDS
    if age > hours:
        raise BackupError(f"The newest backup, {newest}, is {age:.0f} hours old.")
    return newest


def restore(database_url: str, file: Path, *, replace: bool = False) -> None:
    """Fill a database from a backup: all of it, or nothing.

    Args:
        database_url: a user that may make tables.
        file: that `back_up` wrote.
        replace: what is in the database goes, in the same transaction.

    Raises:
        DatabaseUnavailableError: the database does not answer.
        ConflictError: it has tables, and they are not to be replaced.
        BackupError: the file is no backup, the programs are of another version, or they failed.
    """
    _check_version(database_url, "pg_restore")
    _check_readable(file)
    with _connect(database_url) as connection:
        row = connection.execute(_TABLES).fetchone()
    if not replace and (row is None or row[0]):
        raise ConflictError(
            "The database has tables: a backup is restored into an empty one, or with --replace."
        )
    # pg_restore alone leaves tables that the backup does not know.
    begin = (
        "BEGIN;\nDROP SCHEMA public CASCADE;\nCREATE SCHEMA public;\n" if replace else "BEGIN;\n"
    )
    command = [find_program("psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    with tempfile.TemporaryFile() as messages:
        psql = subprocess.Popen(
            [*command, f"--output={os.devnull}"],
            env=_environment(database_url),
            stdin=subprocess.PIPE,
            stderr=messages,
        )
        assert psql.stdin is not None
        with psql, contextlib.suppress(BrokenPipeError), psql.stdin as statements:
            statements.write(begin.encode())
            statements.flush()
            _write_statements(file, statements, messages)
            # Without this line nothing is done: a file that is cut off leaves what was there.
            statements.write(b"\nCOMMIT;\n")
        if psql.returncode != 0:
            raise BackupError(f"psql: {_read_message(messages)}")


def _write_statements(file: Path, statements: IO[bytes], messages: IO[bytes]) -> None:
    """Write a backup as SQL.

    Raises:
        BackupError: not all of it could be read.
    """
    command = [find_program("pg_restore"), "--no-owner", "--no-privileges", "--file=-", str(file)]
    process = subprocess.run(
        command, env=_environment(None), stdout=statements, stderr=messages, check=False
    )
    if process.returncode != 0:
        raise BackupError(f"pg_restore: {_read_message(messages)}")


def _read_message(messages: IO[bytes]) -> str:
    messages.seek(0)
    return " ".join(messages.read().decode(errors="replace").split())[:_ERROR_LIMIT]


def _remove_unfinished(folder: Path) -> None:
    """Remove what runs that were killed have left; another run may be at work on a newer one."""
    limit = time.time() - _DAY_SECONDS
    for file in folder.glob(f"{_PREFIX}*{_UNFINISHED}"):
        with contextlib.suppress(FileNotFoundError):
            if file.stat().st_mtime < limit:
                file.unlink()


def _check_version(database_url: str, program: str) -> None:
    """Raise BackupError unless the program has the server's major version."""
    with _connect(database_url) as connection:
        server = connection.info.server_version // 10_000
    text = _run(program, ["--version"], None)
    own = int(text.rsplit(maxsplit=1)[-1].partition(".")[0])
    if own != server:
        raise BackupError(
            f"{program} is of version {own} and the server of {server}: "
            "KOVA_PG_BIN names the folder of the right programs."
        )


def _check_readable(file: Path) -> None:
    if not file.is_file():
        raise BackupError(f"There is no file {file}.")
    _run("pg_restore", ["--list", str(file)], None)


def _run(program: str, arguments: list[str], database_url: str | None) -> str:
    """Run a program; the address reaches it by variables, which nobody else can read."""
    process = subprocess.run(
        [find_program(program), *arguments],
        env=_environment(database_url),
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if process.returncode != 0:
        message = " ".join(process.stderr.split())[-_ERROR_LIMIT:]
        raise BackupError(f"{program}: {message}")
    return process.stdout


def _environment(database_url: str | None) -> dict[str, str]:
    variables = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
    if database_url is not None:
        for option in Conninfo.parse(database_url.encode()):
            if option.val is not None and option.envvar is not None:
                variables[option.envvar.decode()] = option.val.decode()
    return variables


def _connect(database_url: str) -> psycopg.Connection:
    try:
        return psycopg.connect(database_url, connect_timeout=10)
    except psycopg.OperationalError as exc:
        raise DatabaseUnavailableError from exc
