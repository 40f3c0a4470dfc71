"""What attacks share: a running Kova with two repositories, and what must stay hidden or unchanged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psycopg
import pytest
from psycopg import sql

from tests.rights.conftest import INSIDE, OUTSIDE, Rights, run_rights
from tests.rights.test_reading_changes_nothing import NOTED_USE
from tests.support.queues import depth

Unchanged = Callable[[], AbstractContextManager[None]]
METRICS_TOKEN = "a-token-of-prometheus"
CODE = "BAD(x)"
"""The line of code that stands in the errors of both repositories."""


@pytest.fixture(scope="module")
def rights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rights]:
    """A server with METRICS_TOKEN for all tests of a module."""
    folder = tmp_path_factory.mktemp("attacked")
    with run_rights(folder, KOVA_METRICS_TOKEN=METRICS_TOKEN) as product:
        yield product


def secrets_of(rights: Rights, repository: str) -> list[str]:
    """Return the texts that an answer about nothing of a repository does not hold."""
    return [repository, *rights.things[repository].values()]


def assert_hidden(rights: Rights, text: str, *, sent: str = "") -> None:
    """Check that nothing of either repository, and no key, is in an answer.

    `sent` is what the request itself holds: an answer may repeat that.
    """
    hidden = [
        CODE,
        *secrets_of(rights, INSIDE),
        *secrets_of(rights, OUTSIDE),
        *(key.split("_")[2] for key in rights.keys.values()),
    ]
    assert [secret for secret in hidden if secret in text and secret not in sent] == []


@pytest.fixture(scope="module")
def nothing_changes(rights: Rights) -> Iterator[Unchanged]:
    """A context around an attack that leaves every row of every table as it was."""
    with psycopg.connect(
        rights.kova.environment["KOVA_DATABASE_URL"], autocommit=True
    ) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
        ).fetchall()
        query = sql.SQL(" UNION ALL ").join(
            sql.SQL(
                "SELECT {name}, count(*), md5(string_agg(line, ',' ORDER BY line)) FROM"
                " (SELECT (to_jsonb(t) - {unwatched})::text AS line FROM {table} t) AS lines"
            ).format(
                name=sql.Literal(name),
                unwatched=sql.Literal(NOTED_USE.get(name, "")),
                table=sql.Identifier(name),
            )
            for (name,) in tables
        )

        @contextmanager
        def watch() -> Iterator[None]:
            before = connection.execute(query).fetchall()
            yield
            assert connection.execute(query).fetchall() == before

        yield watch


@contextmanager
def nothing_is_queued(rights: Rights) -> Iterator[None]:
    """Check that every queue is as it was."""
    queues = [url for name, url in rights.kova.environment.items() if name.endswith("_QUEUE_URL")]
    before = [depth(url) for url in queues]
    yield
    assert [depth(url) for url in queues] == before
