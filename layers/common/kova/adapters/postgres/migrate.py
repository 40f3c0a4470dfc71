"""Migrates the database with dbmate."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from typing import Final
from urllib.parse import quote, urlencode

import psycopg
from psycopg.conninfo import conninfo_to_dict

from kova.adapters.postgres.address import describe_server
from kova.shared.exceptions import DatabaseUnavailableError, KovaError

# Processes that start at the same moment migrate one after the other.
_LOCK: Final = 5_067_382_145
DEPLOYMENT_LOCK: Final = 5_067_382_146
"""The number of the advisory lock under which a deployment makes the first key."""
_LOOK_SECONDS: Final = 0.2
_STRICT_MODES: Final = frozenset({"require", "verify-ca", "verify-full"})
_TLS_FILES: Final = ("sslrootcert", "sslcert", "sslkey")


class MigrationError(KovaError):
    """A migration failed and was rolled back."""

    reason = "migration_failed"


def migrate(database_url: str) -> str:
    """Bring the database up to date and return dbmate's report.

    Raises:
        DatabaseUnavailableError: it does not answer.
        MigrationError: a migration failed.
    """
    with _locked(database_url, _LOCK) as connection:
        return _run_dbmate(connection)


@contextmanager
def deployment_lock(database_url: str) -> Iterator[None]:
    """Let one deployment pass at a time, over all processes.

    Raises:
        DatabaseUnavailableError: the database does not answer.
    """
    with _locked(database_url, DEPLOYMENT_LOCK):
        yield


@contextmanager
def _locked(database_url: str, number: int) -> Iterator[psycopg.Connection]:
    try:
        with _connect(database_url) as connection:
            # Not `pg_advisory_lock`: CREATE INDEX CONCURRENTLY waits for every running statement,
            # so it would wait for one that waits for it.
            while not _try_lock(connection, number):
                time.sleep(_LOOK_SECONDS)
            yield connection
    except psycopg.OperationalError as exc:
        server = f"KOVA_DATABASE_URL: {describe_server(database_url)}"
        raise DatabaseUnavailableError(server=server) from exc


def _try_lock(connection: psycopg.Connection, number: int) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (number,)).fetchone()
    return row is not None and bool(row[0])


def _connect(database_url: str) -> psycopg.Connection:
    if conninfo_to_dict(database_url).get("gssencmode") == "require":
        raise MigrationError("KOVA_DATABASE_URL requires GSSAPI, which dbmate does not speak.")
    # Without GSSAPI a connection is encrypted by TLS, or not at all: dbmate is told which.
    return psycopg.connect(
        database_url,
        autocommit=True,
        connect_timeout=10,
        gssencmode="disable",
        client_encoding="utf8",
    )


def _run_dbmate(connection: psycopg.Connection) -> str:
    folder = str(files("kova.adapters.postgres") / "migrations")
    # Neither variables nor a `.env` file: dbmate and its driver obey more of both than Kova does.
    dbmate = subprocess.run(
        [_find_dbmate(), "--migrations-dir", folder, "--no-dump-schema", "migrate"],
        env={"DATABASE_URL": dbmate_url(connection)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if dbmate.returncode != 0:
        report = dbmate.stderr.strip()[-1_000:]
        password = connection.info.password
        if password:
            for text in (password, quote(password, safe="")):
                report = report.replace(text, "***")
        raise MigrationError(f"dbmate: {report}")
    return dbmate.stdout.strip()


def dbmate_url(connection: psycopg.Connection) -> str:
    """Return the address of the server that a connection has reached, as Go's driver reads it."""
    info = connection.info
    # Not `info.get_parameters()`: that asks for the home of a user who may have none.
    parameters = {
        option.keyword.decode(): option.val.decode()
        for option in connection.pgconn.info
        if option.val is not None
    }
    query = _tls_parameters(parameters, in_use=connection.pgconn.ssl_in_use)
    account = f"{quote(info.user, safe='')}:{quote(info.password, safe='')}"
    if info.host.startswith("/"):
        query |= {"socket": info.host, "port": str(info.port)}
        server = ""
    else:
        host = f"[{info.host}]" if ":" in info.host else info.host
        server = f"{host}:{info.port}"
    return f"postgres://{account}@{server}/{quote(info.dbname, safe='')}?{urlencode(query)}"


def _tls_parameters(parameters: Mapping[str, str], *, in_use: bool) -> dict[str, str]:
    """Return the parameters that ask for TLS as strictly as a connection did.

    They never ask for less than the connection has.

    Args:
        parameters: those of the connection, as libpq names them.
        in_use: the connection has TLS.
    """
    if not in_use:
        return {"sslmode": "disable"}
    mode = parameters.get("sslmode", "prefer")
    query = {"sslmode": mode if mode in _STRICT_MODES else "require"}
    query |= {name: parameters[name] for name in _TLS_FILES if name in parameters}
    if query.get("sslrootcert") == "system":
        del query["sslrootcert"]  # Without one, Go's driver asks the system.
        query["sslmode"] = "verify-full"
    elif mode.startswith("verify-"):
        # Path.expanduser() raises where the user has no home.
        query.setdefault("sslrootcert", os.path.expanduser("~/.postgresql/root.crt"))  # noqa: PTH111
    return query


def _find_dbmate() -> str:
    """Return the program: beside the interpreter, or where a function was unpacked."""
    folders = [sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)]
    task_root = os.environ.get("LAMBDA_TASK_ROOT")
    if task_root:
        folders.insert(0, os.path.join(task_root, "bin"))  # noqa: PTH118 (part of a PATH)
    program = shutil.which("dbmate", path=os.pathsep.join(folders))
    if program is None:
        raise MigrationError("The program dbmate is not installed.")
    return program
