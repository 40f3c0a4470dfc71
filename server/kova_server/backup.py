"""Backups of the database by Postgres's own programs, of the server's major version."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Final

import psycopg

from kova.shared.exceptions import ConflictError, DatabaseUnavailableError, KovaError
from kova_server import embedded
from kova_server.embedded.postgres import find_program

_PREFIX: Final = "kova-"
_SUFFIX: Final = ".dump"
_UNFINISHED: Final = ".unfinished"
_NAME_TIME: Final = "%Y%m%dT%H%M%S%fZ"
_NAME: Final = re.compile(re.escape(_PREFIX) + r"(\d{8}T\d{12}Z)" + re.escape(_SUFFIX))
_CLOCK_ERROR: Final = timedelta(hours=1)  # Between machines that share a folder.
_UNFINISHED_AGE: Final = timedelta(minutes=10)
_ERROR_LIMIT: Final = 500  # Characters of a program's message.
_LOCK_SECONDS: Final = 30.0
_END_SECONDS: Final = 5.0
_LOCK_TIMEOUT: Final = "55P03"  # Postgres's lock_not_available.
_LAUNCHER: Final = Path(embedded.__file__).with_name("launch.py")
_OWN_TABLES: Final = ("schema_migrations", "errors")
_TABLE_ENTRY: Final = re.compile(r"^\d+; \d+ \d+ TABLE public (\S+) ", re.MULTILINE)
# Not by variables of Postgres: where libpq looks for certificates.
_INHERITED: Final = ("HOME", "SSL_CERT_FILE", "SSL_CERT_DIR")
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
    variables = _check_server(database_url, "pg_dump")
    folder.mkdir(parents=True, exist_ok=True)
    _remove_unfinished(folder)
    file = folder / f"{_PREFIX}{datetime.now(UTC).strftime(_NAME_TIME)}{_SUFFIX}"
    unfinished = file.with_suffix(_UNFINISHED)
    try:
        with _locked(unfinished) as content:
            arguments = ["--format=custom", "--no-owner", "--no-privileges"]
            _run("pg_dump", [*arguments, f"--file={unfinished}"], variables)
            _list_entries(unfinished)
            os.fsync(content.fileno())
            size = unfinished.stat().st_size
            unfinished.rename(file)
    finally:
        unfinished.unlink(missing_ok=True)
    return Backup(file=file, size=size, removed=_prune(file, keep))


def _prune(new: Path, keep: int) -> tuple[Path, ...]:
    """Remove backups until so many are left with the new one, and return those removed.

    Names of the future, from a wrong clock, go first. What another run has written since stays:
    two runs at once must not remove each other's.
    """
    times = {file: time for file, time in _backups(new.parent) if file != new}
    limit = datetime.now(UTC) + _CLOCK_ERROR
    future = sorted(file for file, time in times.items() if time > limit)
    older = sorted(file for file in times if file.name < new.name)
    removed = []
    for file in (future + older)[: max(len(times) + 1 - keep, 0)]:
        with contextlib.suppress(FileNotFoundError):  # Another run was faster.
            file.unlink()
            removed.append(file)
    return tuple(removed)


def _backups(folder: Path) -> Iterator[tuple[Path, datetime]]:
    """Yield the files that are named as backups, and the time in the name."""
    for file in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        if match := _NAME.fullmatch(file.name):
            with contextlib.suppress(ValueError):  # Digits that are no time.
                yield file, datetime.strptime(match[1], _NAME_TIME).replace(tzinfo=UTC)


def check_age(folder: Path, hours: float) -> Path:
    """Return the newest backup, by the times in the names and of the files.

    Raises:
        BackupError: there is none, it cannot be read, or it is older than so many hours.
    """
    now = datetime.now(UTC)
    times = {file: min(time, _changed_at(file)) for file, time in _backups(folder)}
    # Of a file from the future nobody can tell the age.
    times = {file: time for file, time in times.items() if time < now + _CLOCK_ERROR}
    if not times:
        raise BackupError(f"There is no backup in {folder}.")
    newest = max(times, key=lambda file: times[file])
    age = (now - times[newest]) / timedelta(hours=1)
    if age > hours:
        raise BackupError(f"The newest backup, {newest}, is {age:.0f} hours old.")
    _list_entries(newest)
    return newest


def _changed_at(file: Path) -> datetime:
    return datetime.fromtimestamp(file.stat().st_mtime, UTC)


def restore(
    database_url: str, file: Path, *, replace: bool = False, lock_seconds: float = _LOCK_SECONDS
) -> None:
    """Fill a database from a backup: all of it, or nothing.

    Args:
        database_url: a user that may make tables.
        file: that `back_up` wrote.
        replace: what is in the database goes, in the same transaction; so do grants on it.
        lock_seconds: how long `replace` waits for each lock that others hold.

    Raises:
        DatabaseUnavailableError: the database does not answer.
        ConflictError: it has tables, and they are not to be replaced.
        BackupError: the file is no backup of Kova, the programs are of another version, others
            use the database, or the programs failed.
    """
    variables = _check_server(database_url, "pg_restore")
    tables = set(_TABLE_ENTRY.findall(_list_entries(file)))
    if missing := [name for name in _OWN_TABLES if name not in tables]:
        raise BackupError(f"{file} is no backup of Kova: it has no table {missing[0]}.")
    with _connect(database_url) as connection:
        row = connection.execute(_TABLES).fetchone()
    if not replace and (row is None or row[0]):
        raise ConflictError(
            "The database has tables: a backup is restored into an empty one, or with --replace."
        )
    begin = "BEGIN;\n"
    if replace:  # pg_restore alone leaves tables that the backup does not know.
        begin += f"SET LOCAL lock_timeout = {round(lock_seconds * 1_000)};\n"
        begin += "DROP SCHEMA public CASCADE;\nCREATE SCHEMA public;\n"
    _run_statements(begin, file, variables)


def _run_statements(begin: str, file: Path, variables: Mapping[str, str]) -> None:
    """Run SQL that begins a transaction, and a backup's in it.

    Raises:
        BackupError: nothing was done.
    """
    command = [*_command("psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    command += ["--set=VERBOSITY=verbose", f"--output={os.devnull}"]  # Verbose: with SQLSTATE.
    with tempfile.TemporaryFile() as messages:
        psql = subprocess.Popen(
            command, env=_environment(variables), stdin=subprocess.PIPE, stderr=messages
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
    command = [*_command("pg_restore"), "--no-owner", "--no-privileges", "--file=-", str(file)]
    process = subprocess.run(
        command, env=_environment({}), stdout=statements, stderr=messages, check=False
    )
    if process.returncode != 0:
        raise BackupError(f"pg_restore: {_read_message(messages)}")


def _read_message(messages: IO[bytes]) -> str:
    messages.seek(0)
    text = " ".join(messages.read().decode(errors="replace").split())
    if f"ERROR: {_LOCK_TIMEOUT}:" in text:
        return "something else reads or writes the database; stop it and try again."
    return text[:_ERROR_LIMIT]


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[IO[bytes]]:
    """Make a file for this user alone, and hold a lock on it that ends with this process."""
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "r+b") as content:
        with contextlib.suppress(OSError):  # A file system without locks: the file's age decides.
            fcntl.flock(content, fcntl.LOCK_EX)
        yield content


def _remove_unfinished(folder: Path) -> None:
    """Remove what runs that were killed have left: nobody holds its lock.

    A file that is written to at this moment stays in any case: it may be so new that its lock is
    not yet taken, or of another machine, where the folder's file system has no common locks.
    """
    limit = datetime.now(UTC) - _UNFINISHED_AGE
    for file in folder.glob(f"{_PREFIX}*{_UNFINISHED}"):
        with contextlib.suppress(FileNotFoundError, BlockingIOError), file.open("r+b") as content:
            fcntl.flock(content, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _changed_at(file) < limit:
                file.unlink()


def _check_server(database_url: str, program: str) -> dict[str, str]:
    """Return the variables by which Postgres's programs reach the server that answers.

    Raises:
        DatabaseUnavailableError: none does.
        BackupError: the program is not of the server's major version.
    """
    with _connect(database_url) as connection:
        server = connection.info.server_version // 10_000
        variables = _connection_variables(connection)
    text = _run(program, ["--version"], {})
    own = int(text.rsplit(maxsplit=1)[-1].partition(".")[0])
    if own != server:
        raise BackupError(
            f"{program} is of version {own} and the server of {server}: "
            "KOVA_PG_BIN names the folder of the right programs."
        )
    return variables


def _connection_variables(connection: psycopg.Connection) -> dict[str, str]:
    """Return what libpq has used, wherever it had it from: address, variables, or files."""
    variables = {
        option.envvar.decode(): option.val.decode()
        for option in connection.pgconn.info
        if option.val and option.envvar
    }
    # What a service's file says is among the others; a dump has the database's own encoding.
    for name in ("PGSERVICE", "PGCLIENTENCODING", "PGAPPNAME"):
        variables.pop(name, None)
    if connection.info.password:  # Not among the options where a file of passwords has it.
        variables["PGPASSWORD"] = connection.info.password
    return variables


def _list_entries(file: Path) -> str:
    """Return a backup's table of contents, or raise BackupError."""
    if not file.is_file():
        raise BackupError(f"There is no file {file}.")
    return _run("pg_restore", ["--list", str(file)], {})


def _run(program: str, arguments: list[str], variables: Mapping[str, str]) -> str:
    """Run a program; the address reaches it by variables, which nobody else can read."""
    with subprocess.Popen(
        [*_command(program), *arguments],
        env=_environment(variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:
        try:
            output, errors = process.communicate()
        except BaseException:
            _end(process)
            raise
    if process.returncode != 0:
        raise BackupError(f"{program}: {' '.join(errors.split())[-_ERROR_LIMIT:]}")
    return output


def _end(process: subprocess.Popen[str]) -> None:
    """End a program so that it can cancel what the server does for it."""
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def _command(program: str) -> list[str]:
    """Return the beginning of a command that ends with this process, even if that is killed."""
    launcher = [sys.executable, "-S", str(_LAUNCHER), str(os.getpid()), "SIGTERM"]
    return [*launcher, str(find_program(program))]


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    own = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", **own, **variables}


def _connect(database_url: str) -> psycopg.Connection:
    try:
        return psycopg.connect(database_url, connect_timeout=10)
    except psycopg.OperationalError as exc:
        raise DatabaseUnavailableError from exc
