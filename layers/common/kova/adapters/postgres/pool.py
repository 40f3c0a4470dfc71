"""The connection pool, and the one place where psycopg's errors become ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from kova.domain.errors import DatabaseUnavailableError

Connection = psycopg.AsyncConnection[DictRow]


class Database:
    """A pool that opens on first use, so that importing and building it costs nothing."""

    def __init__(self, url: str, *, max_size: int = 10, timeout: float = 4.0) -> None:
        """Take a libpq URL, the most connections, and the seconds to wait for one."""
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            connection_class=psycopg.AsyncConnection[DictRow],
            # RDS Proxy cannot share a session that has prepared statements.
            kwargs={
                "row_factory": dict_row,
                "prepare_threshold": None,
                "connect_timeout": int(timeout),
                "options": "-c statement_timeout=30000",
            },
            min_size=0,
            max_size=max_size,
            timeout=timeout,
            # A Lambda may wake with a dead connection: it is checked before use.
            check=AsyncConnectionPool.check_connection,
            reconnect_timeout=0,
            open=False,
        )
        self._opened = False

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Lend a connection in a transaction.

        Raises:
            DatabaseUnavailableError: no connection, or it broke.
        """
        if not self._opened:
            self._opened = True
            await self._pool.open()
        try:
            async with self._pool.connection() as connection, connection.transaction():
                yield connection
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as exc:
            raise DatabaseUnavailableError from exc

    async def ping(self) -> None:
        """Raise DatabaseUnavailableError when the database does not answer."""
        async with self.transaction() as connection:
            await connection.execute("SELECT 1")

    async def close(self) -> None:
        """Close every connection."""
        if self._opened:
            await self._pool.close()
