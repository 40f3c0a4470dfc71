"""What all tests share: databases and Valkey, started by the first test that asks for them."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from kova.adapters.memory.database import MemoryDatabase
from tests.support.services import FOLDER, RUN, database_template, services_in_force
from tests.support.stores import AllStores, memory_stores, postgres_stores
from tests.support.workshop import Workshop

# Two shared cores: how long an example takes says nothing here.
settings.register_profile(
    "kova", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60
)
settings.load_profile("kova")

_KEPT = {"KOVA_GITHUB_OPENAPI", "KOVA_PG_BIN", "KOVA_SARIF_SCHEMA"}
_STOP_SECONDS = 60
# Folders whose tests run whole stacks. They go first: a long test that is the last one keeps
# every other process waiting.
_LONG = ("chaos", "local_lambda", "embedded", "server", "functions", "watching", "commands")


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder of the run in the process that starts the others; those inherit its name."""
    if hasattr(config, "workerinput") or FOLDER in os.environ:
        return
    for name in list(os.environ):
        if name.startswith("KOVA_") and name not in _KEPT:
            del os.environ[name]
    os.environ[FOLDER] = tempfile.mkdtemp(prefix="kova-test-")
    os.environ[RUN] = str(os.getpid())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that take long before the others."""
    rank = {f"tests/{name}": number for number, name in enumerate(_LONG)}
    items.sort(key=lambda item: rank.get("/".join(item.nodeid.split("/")[:2]), len(rank)))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the services where a test started them, and remove the folder of the run."""
    if hasattr(config, "workerinput") or os.environ.get(RUN) != str(os.getpid()):
        return
    folder = Path(os.environ.pop(FOLDER))
    pid_file = folder / "services.pid"
    if pid_file.exists():
        (folder / "services.stop").touch()
        _wait_for_end(int(pid_file.read_text()))
    shutil.rmtree(folder)


def _wait_for_end(pid: int) -> None:
    """Wait until the host is gone. It may be this process's child, and is reaped then."""
    end = time.monotonic() + _STOP_SECONDS
    while time.monotonic() < end:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)


@contextmanager
def fresh_database() -> Iterator[str]:
    """An empty database with today's schema, copied from a template in milliseconds."""
    server, _, source = database_template().rpartition("/")
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {source} STRATEGY file_copy")
        try:
            yield f"{server}/{name}"
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database_url() -> Iterator[str]:
    """A database for one test."""
    with fresh_database() as url:
        yield url


@pytest.fixture
def empty_database_url(database_url: str) -> Iterator[str]:
    """A database without tables."""
    server, name = database_url.rpartition("/")[0], f"empty_{uuid.uuid4().hex}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield f"{server}/{name}"
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def redis_url() -> str:
    """The run's Valkey."""
    return services_in_force()["KOVA_REDIS_URL"]


@pytest.fixture(params=["memory", "postgres"])
def store_url(request: pytest.FixtureRequest) -> str | None:
    """None for stores in memory, the address of a database for those in Postgres."""
    return None if request.param == "memory" else request.getfixturevalue("database_url")


@pytest.fixture
async def stores(store_url: str | None) -> AsyncIterator[AllStores]:
    """All stores of one test, which runs once with each kind."""
    if store_url is None:
        yield memory_stores(MemoryDatabase(), cache_bytes=1_000)
        return
    async with postgres_stores(store_url) as opened:
        yield opened


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    """The use cases of a scan over twins in this process."""
    return Workshop(tmp_path)


@pytest.fixture(autouse=True)
def _usual_logs() -> Iterator[None]:
    """Undo what a function's start does to the logs: its stream is that of one test."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
