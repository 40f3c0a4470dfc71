"""What all tests share: one Postgres, one Valkey and one SQS for the whole run."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from kova_server.embedded.stack import services
from kova_server.migrations import migrate

# Two shared cores: how long an example takes says nothing here.
settings.register_profile(
    "kova", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60
)
settings.load_profile("kova")

_STARTED = "KOVA_TEST_STARTED"
_KEPT = {"KOVA_GITHUB_OPENAPI", "KOVA_PG_BIN", "KOVA_SARIF_SCHEMA"}
_running = ExitStack()


def pytest_configure(config: pytest.Config) -> None:
    """Start the services in the process that starts the others; those inherit the environment."""
    if hasattr(config, "workerinput") or os.environ.get(_STARTED):
        return
    for name in list(os.environ):
        if name.startswith("KOVA_") and name not in _KEPT:
            del os.environ[name]
    folder = Path(_running.enter_context(tempfile.TemporaryDirectory(prefix="kova-test-")))
    started = _running.enter_context(services(folder))
    migrate(started["KOVA_DATABASE_URL"])
    os.environ.update(
        {f"TEST_{key}": value for key, value in started.items() if key.startswith("KOVA_")}
        | {key: value for key, value in started.items() if key.startswith("AWS_")}
        | {_STARTED: "1", "TEST_FOLDER": str(folder)}
    )


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what was started here."""
    if not hasattr(config, "workerinput"):
        _running.close()


@contextmanager
def fresh_database() -> Iterator[str]:
    """An empty database with today's schema, copied from a template in milliseconds."""
    template = os.environ["TEST_KOVA_DATABASE_URL"]
    server, _, source = template.rpartition("/")
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
def redis_url() -> str:
    """The run's Valkey."""
    return os.environ["TEST_KOVA_REDIS_URL"]
