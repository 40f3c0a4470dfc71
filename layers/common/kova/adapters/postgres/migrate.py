"""Migrates the database with dbmate."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from importlib.resources import files
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

import psycopg

from kova.shared.exceptions import DatabaseUnavailableError, KovaError

# Processes that start at the same moment migrate one after the other.
_LOCK = 5_067_382_145


class MigrationError(KovaError):
    """A migration failed and was rolled back."""

    reason = "migration_failed"


def migrate(database_url: str) -> str:
    """Bring the database up to date and return dbmate's report."""
    try:
        with psycopg.connect(database_url, autocommit=True, connect_timeout=10) as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
            return _run_dbmate(database_url)
    except psycopg.OperationalError as exc:
        raise DatabaseUnavailableError from exc


def _run_dbmate(database_url: str) -> str:
    folder = files("kova.adapters.postgres") / "migrations"
    dbmate = subprocess.run(
        [_find_dbmate(), "--migrations-dir", str(folder), "--no-dump-schema", "migrate"],
        env={**os.environ, "DATABASE_URL": _with_sslmode(database_url)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if dbmate.returncode != 0:
        password = urlsplit(database_url).password
        report = dbmate.stderr.strip()[-1_000:]
        if password:
            for text in (password, unquote(password)):
                report = report.replace(text, "***")
        raise MigrationError(f"dbmate: {report}")
    return dbmate.stdout.strip()


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


def _with_sslmode(database_url: str) -> str:
    """Return the URL with a TLS mode: Go's driver requires TLS by default, libpq does not."""
    parts = urlsplit(database_url)
    query = dict(parse_qsl(parts.query))
    query.setdefault(
        "sslmode", "disable" if parts.hostname in {"127.0.0.1", "localhost"} else "require"
    )
    return urlunsplit(("postgres", parts.netloc, parts.path, urlencode(query), ""))
