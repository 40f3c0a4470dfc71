"""A Postgres of a test's own, for contract suites that also run in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kova.adapters.postgres.pool import Database
from tests.conftest import fresh_database


@asynccontextmanager
async def opened_database() -> AsyncIterator[Database]:
    """Open a fresh database, and close it in the end."""
    with fresh_database() as url:
        database = Database(url)
        try:
            yield database
        finally:
            await database.close()
