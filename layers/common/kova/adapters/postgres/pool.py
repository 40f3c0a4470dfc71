"""The connection pools, and the one place where psycopg's errors become ours."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any, Final

import psycopg
from psycopg.abc import Buffer
from psycopg.rows import DictRow, dict_row
from psycopg.types.string import StrDumperUnknown
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from kova.adapters.postgres.address import describe_server
from kova.adapters.postgres.schema import check_schema
from kova.shared.exceptions import DatabaseUnavailableError
from kova.shared.text import clean

Connection = psycopg.AsyncConnection[DictRow]
_LOG = logging.getLogger("kova.postgres")
# psycopg answers a time-out by asking the server to cancel, and waits for that; the second
# time-out ends this wait.
_GRACE: Final = 0.5
_REPLICA_PAUSE: Final = 5.0
# Whoever has a minute for a transaction need not wait so long for a server that is away.
_CONNECTION_SECONDS: Final = 10.0
_VARIABLES: Final = {"primary": "KOVA_DATABASE_URL", "replica": "KOVA_DATABASE_READ_URL"}
# psycopg reads moments only where they are written in ISO; in zones east of UTC the last hours of
# the year 9999 are beyond what Python can hold. PGTZ and the like set them for libpq.
_SESSION: Final = {"TimeZone": "UTC", "DateStyle": "ISO", "client_encoding": "UTF8"}


class Database:
    """A primary and perhaps a read replica; each pool opens on first use."""

    def __init__(
        self,
        url: str,
        read_url: str | None = None,
        *,
        max_size: int = 10,
        timeout: float = 3.0,
        on_statement: Callable[[str, float], None] | None = None,
    ) -> None:
        """Open nothing yet.

        Args:
            url: the primary.
            read_url: the replica.
            max_size: connections to each database.
            timeout: seconds that a transaction has.
            on_statement: called with `primary` or `replica` and the seconds of each statement.
        """

        def pool(name: str, address: str) -> _Pool:
            cursor = _timed_cursor(name, on_statement) if on_statement else psycopg.AsyncCursor
            return _Pool(
                _VARIABLES[name], address, max_size=max_size, timeout=timeout, cursor=cursor
            )

        self._primary = pool("primary", url)
        self._replica = pool("replica", read_url) if read_url else self._primary
        self._replica_again_at = 0.0

    @asynccontextmanager
    async def transaction(self, *, seconds: float | None = None) -> AsyncIterator[Connection]:
        """Lend a connection to the primary in a transaction.

        A worker's long transaction names the seconds that it may take.

        Raises:
            DatabaseUnavailableError: no connection, it broke, the time is over, or the tables are
                older than the code.
        """
        async with self._primary.transaction(seconds) as connection:
            yield connection

    @asynccontextmanager
    async def statement(self) -> AsyncIterator[Connection]:
        """Lend a connection to the primary for one statement, which is its own transaction.

        That saves two round trips to the server, for BEGIN and COMMIT.

        Raises:
            DatabaseUnavailableError: as for a transaction.
        """
        async with self._primary.connection() as connection:
            yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """Lend a connection for reads that may be some moments old.

        It is to the replica, or to the primary while the replica cannot be reached.

        Raises:
            DatabaseUnavailableError: as for a transaction.
        """
        async with AsyncExitStack() as stack:
            connection = await self._replica_connection(stack)
            if connection is None:
                connection = await stack.enter_async_context(self._primary.transaction())
            yield connection

    async def _replica_connection(self, stack: AsyncExitStack) -> Connection | None:
        now = asyncio.get_running_loop().time()
        if not self.has_replica or now < self._replica_again_at:
            return None
        try:
            return await stack.enter_async_context(self._replica.transaction())
        except DatabaseUnavailableError:
            self._replica_again_at = now + _REPLICA_PAUSE
            _LOG.warning("the read replica does not answer; the primary is read")
            return None

    async def ping(self) -> None:
        """Do nothing where the primary answers and has the tables that this code needs.

        Raises:
            DatabaseUnavailableError: it does not answer.
            SchemaOutdatedError: `kova migrate` has to be run.
        """
        await self._primary.ping()

    @property
    def has_replica(self) -> bool:
        """Tell whether a replica is configured."""
        return self._replica is not self._primary

    async def ping_replica(self) -> None:
        """Do the same for the replica."""
        await self._replica.ping()

    def connections(self) -> dict[str, int]:
        """Return how many connections to the primary there are, and how many are free."""
        return self._primary.connections()

    async def close(self) -> None:
        """Close every connection."""
        await self._primary.close()
        if self._replica is not self._primary:
            await self._replica.close()


def _timed_cursor(
    name: str, on_statement: Callable[[str, float], None]
) -> type[psycopg.AsyncCursor[DictRow]]:
    """Return a cursor that tells how long its statements take, the failed ones too."""

    @contextmanager
    def timed() -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            on_statement(name, time.perf_counter() - started)

    class TimedCursor(psycopg.AsyncCursor[DictRow]):
        async def execute(self, query: Any, *args: Any, **kwargs: Any) -> Any:
            if not query:  # The pool's check of a connection, which would halve every share.
                return await super().execute(query, *args, **kwargs)
            with timed():
                return await super().execute(query, *args, **kwargs)

        async def executemany(self, *args: Any, **kwargs: Any) -> None:
            with timed():
                await super().executemany(*args, **kwargs)

    return TimedCursor


class _CleanDumper(StrDumperUnknown):
    """Sends texts that Postgres can hold: a NUL in a path of a URL must not be our failure."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(clean(obj))


async def _configure(connection: Connection) -> None:
    """Make a new connection independent of the environment and of the server's defaults.

    The server has reported its parameters with the greeting, so that nothing is sent where they
    are right. RDS Proxy takes no `options`, and keeps a session to itself after a SET.
    """
    connection.adapters.register_dumper(str, _CleanDumper)
    for name, expected in _SESSION.items():
        value = connection.info.parameter_status(name) or ""
        if value.partition(",")[0] != expected:
            await connection.execute("SELECT set_config(%s, %s, false)", (name, expected))


class _Pool:
    def __init__(
        self,
        variable: str,
        url: str,
        *,
        max_size: int,
        timeout: float,
        cursor: type[psycopg.AsyncCursor[DictRow]],
    ) -> None:
        self._variable = variable
        self._url = url
        self._timeout = timeout
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            connection_class=psycopg.AsyncConnection[DictRow],
            # RDS Proxy shares no session that has prepared statements, and takes no `options`.
            kwargs={
                "row_factory": dict_row,
                "cursor_factory": cursor,
                "autocommit": True,  # What is more than one statement says so itself.
                "prepare_threshold": None,
                "connect_timeout": max(int(timeout), 2),
                "application_name": "kova",
            },
            configure=_configure,
            min_size=0,
            max_size=max_size,
            timeout=timeout,
            # A Lambda may wake with a dead connection: it is checked before use.
            check=AsyncConnectionPool.check_connection,
            reconnect_timeout=0,
            open=False,
        )
        self._opened = False
        # Once a process, and again when a statement misses a table: no round trip a request.
        self._schema_checked = False

    async def ping(self) -> None:
        self._schema_checked = False
        async with self.connection():
            pass

    @asynccontextmanager
    async def transaction(self, seconds: float | None = None) -> AsyncIterator[Connection]:
        async with self.connection(seconds) as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def connection(self, seconds: float | None = None) -> AsyncIterator[Connection]:
        allowed = self._timeout if seconds is None else seconds
        if not self._opened:
            self._opened = True
            await self._pool.open()
        try:
            async with (
                asyncio.timeout(allowed + _GRACE),
                asyncio.timeout(allowed),
                self._pool.connection(timeout=min(allowed, _CONNECTION_SECONDS)) as connection,
            ):
                if not self._schema_checked:
                    await check_schema(connection)
                    self._schema_checked = True
                yield connection
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
            await self.ping()  # Says so where the tables are no longer those of the start.
            raise
        except (
            psycopg.OperationalError,
            psycopg.InterfaceError,
            PoolTimeout,
            TimeoutError,
        ) as exc:
            server = f"{self._variable}: {describe_server(self._url)}"
            raise DatabaseUnavailableError(server=server) from exc

    def connections(self) -> dict[str, int]:
        stats = self._pool.get_stats() if self._opened else {}
        return {"open": stats.get("pool_size", 0), "free": stats.get("pool_available", 0)}

    async def close(self) -> None:
        if self._opened:
            await self._pool.close()
