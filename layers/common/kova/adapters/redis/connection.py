"""The client that everything in Redis goes through, and where its errors become ours."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import redis.asyncio
import redis.exceptions
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from kova.adapters.redis.seal import Seal
from kova.shared.exceptions import RedisUnavailableError

# A call waits for this, and then goes on without: what is here is asked for on every request.
_TIMEOUT: Final = 0.5
# A call takes a fraction of a millisecond: a burst is over sooner waiting for one of these than
# opening connections, and the client's own pool refuses the 101st call at once.
_CONNECTIONS: Final = 10


class Redis:
    """A client that connects on first use."""

    def __init__(
        self,
        url: str,
        *,
        signing_key: str | None = None,
        timeout: float = _TIMEOUT,
        on_call: Callable[[float], None] | None = None,
    ) -> None:
        """Open nothing yet.

        Args:
            url: where Redis is.
            signing_key: KOVA_SIGNING_KEY, which makes records count (seal.py).
            timeout: seconds that a connection, a free one or an answer is waited for.
            on_call: called with the seconds of each call of `client`.
        """
        pool = redis.asyncio.BlockingConnectionPool.from_url(
            url,
            encoding_errors="replace",  # A text from outside is a key that is not there.
            max_connections=_CONNECTIONS,
            timeout=timeout,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            # Once more at once: a connection that idled may have been closed by the server.
            retry=Retry(NoBackoff(), 1, supported_errors=(redis.exceptions.ConnectionError,)),
        )
        self.seal = Seal(signing_key)
        self.client = _TimedClient(pool, on_call or _ignore)
        # For metrics themselves: a count that made another count would never come to an end.
        self.untimed_client = redis.asyncio.Redis(connection_pool=pool)

    async def ping(self) -> None:
        """Raise RedisUnavailableError when Redis does not answer."""
        with translate_errors():
            await self.client.ping()

    async def info(self) -> dict[str, float]:
        """Return the numbers that Redis tells of itself, by their names there.

        Raises:
            RedisUnavailableError: Redis does not answer, or does not allow to ask.
        """
        with translate_errors():
            fields = await self.untimed_client.info()
        return {
            name: float(value)
            for name, value in fields.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }

    async def close(self) -> None:
        """Close the connections."""
        await self.client.aclose(close_connection_pool=True)


class _TimedClient(redis.asyncio.Redis):
    """Tells how long each call takes, the failed ones too, with the wait for a connection.

    A pipeline has a method of its own to send what it holds, and is not timed.
    """

    def __init__(
        self, pool: redis.asyncio.BlockingConnectionPool, on_call: Callable[[float], None]
    ) -> None:
        super().__init__(connection_pool=pool)
        self._on_call = on_call

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        started = time.perf_counter()
        try:
            # The client's own method has no types.
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        finally:
            self._on_call(time.perf_counter() - started)


def _ignore(_seconds: float) -> None:
    return


def check_address(url: str) -> None:
    """Raise ValueError where the client cannot use an address; nothing is connected."""
    try:
        # The client's own method has no types.
        redis.asyncio.ConnectionPool.from_url(url).make_connection()  # type: ignore[no-untyped-call]
    except (TypeError, AttributeError, redis.exceptions.RedisError) as exc:
        raise ValueError from exc


@contextmanager
def translate_errors() -> Iterator[None]:
    """Turn the client's errors into the domain's.

    Raises:
        RedisUnavailableError: Redis does not answer, or answers with an error.
    """
    try:
        yield
    except (redis.exceptions.RedisError, OSError) as exc:
        raise RedisUnavailableError from exc
