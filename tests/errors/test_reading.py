"""Reads go to the replica, and to the primary while it cannot be reached."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest

from kova.adapters.postgres.errors import PostgresErrorStore
from kova.adapters.postgres.pool import Database
from kova.adapters.postgres.repositories import PostgresRepositoryStore
from kova.errors.error import ErrorStatus
from kova.errors.ports import ErrorFilter
from kova.shared.exceptions import DatabaseUnavailableError
from kova.shared.page import PageRequest
from kova.shared.reach import EVERYTHING
from tests.conftest import fresh_database
from tests.support.errors import insert_errors

PAGE = PageRequest(limit=10)


@pytest.fixture
def replica_url() -> Iterator[str]:
    """Another database: what is read from it can be told apart."""
    with fresh_database() as url:
        insert_errors(url, "octo/replica", 3)
        yield url


async def databases(*urls: str | None) -> AsyncIterator[Database]:
    database = Database(*urls)  # type: ignore[arg-type]
    yield database
    await database.close()


async def list_names(database: Database) -> list[str]:
    page = await PostgresRepositoryStore(database).page(PAGE, EVERYTHING)
    return [repository.full_name for repository in page.items]


async def test_lists_come_from_the_replica_and_changes_go_to_the_primary(
    database_url: str, replica_url: str
) -> None:
    insert_errors(database_url, "octo/primary", 1)
    async for database in databases(database_url, replica_url):
        assert await list_names(database) == ["octo/replica"]
        repository = await PostgresRepositoryStore(database).get("octo/primary", EVERYTHING)
        assert repository is not None
        assert database.has_replica


async def test_without_a_replica_everything_comes_from_the_primary(database_url: str) -> None:
    insert_errors(database_url, "octo/primary", 1)
    async for database in databases(database_url, None):
        assert await list_names(database) == ["octo/primary"]


async def test_a_replica_that_is_away_is_replaced_by_the_primary(database_url: str) -> None:
    insert_errors(database_url, "octo/primary", 1)
    unreachable_url = "postgresql://nobody@127.0.0.1:9/none"
    async for database in databases(database_url, unreachable_url):
        assert await list_names(database) == ["octo/primary"]
        assert await list_names(database) == ["octo/primary"]
        with pytest.raises(DatabaseUnavailableError):
            await database.ping_replica()


async def test_errors_are_open_again_when_their_time_is_over(database_url: str) -> None:
    insert_errors(database_url, "octo/sample", 3)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            """WITH chosen AS (SELECT id, row_number() OVER () AS n FROM errors)
            UPDATE errors SET status = 'ignored', ignore_reason = 'x', ignored_by = 'cli',
                ignored_until = CASE n WHEN 1 THEN now() - interval '1 second'
                    WHEN 2 THEN now() + interval '1 hour' END
            FROM chosen WHERE chosen.id = errors.id"""
        )
    async for database in databases(database_url, None):
        store = PostgresErrorStore(database)
        assert await store.expire() == 1
        assert await store.expire() == 0
        page = await store.page(PAGE, ErrorFilter(status=ErrorStatus.OPEN), EVERYTHING)
        assert [error.ignored for error in page.items] == [None]
