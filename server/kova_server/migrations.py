"""Migrates the database with dbmate."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from importlib.resources import files
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

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
    program = Path(sysconfig.get_path("scripts")) / "dbmate"
    folder = files("kova.adapters.postgres") / "migrations"
    dbmate = subprocess.run(
        [str(program), "--migrations-dir", str(folder), "--no-dump-schema", "migrate"],
        env={**os.environ, "DATABASE_URL": _with_sslmode(database_url)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if dbmate.returncode != 0:
        raise MigrationError(f"dbmate: {dbmate.stderr.strip()[-1_000:]}")
    return dbmate.stdout.strip()


def _with_sslmode(database_url: str) -> str:
    """Return the URL with a TLS mode: Go's driver requires TLS by default, libpq does not."""
    parts = urlsplit(database_url)
    query = dict(parse_qsl(parts.query))
    query.setdefault(
        "sslmode", "disable" if parts.hostname in {"127.0.0.1", "localhost"} else "require"
    )
    return urlunsplit(("postgres", parts.netloc, parts.path, urlencode(query), ""))
