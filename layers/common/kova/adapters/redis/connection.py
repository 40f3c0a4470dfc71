"""The client that everything in Redis goes through, and where its errors become ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import redis.asyncio
import redis.exceptions
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from kova.shared.exceptions import RedisUnavailableError

# A call waits for this, and then goes on without: what is here is asked for on every request.
_TIMEOUT: Final = 0.5
# A call takes a fraction of a millisecond: a burst is over sooner waiting for one of these than
# opening connections, and the client's own pool refuses the 101st call at once.
_CONNECTIONS: Final = 10


class Redis:
    """A client that connects on first use."""

    def __init__(self, url: str, *, timeout: float = _TIMEOUT) -> None:
        """`timeout`: seconds that a connection, a free one or an answer is waited for."""
        pool = redis.asyncio.BlockingConnectionPool.from_url(
            url,
            max_connections=_CONNECTIONS,
            timeout=timeout,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            # Once more at once: a connection that idled may have been closed by the server.
            retry=Retry(NoBackoff(), 1, supported_errors=(redis.exceptions.ConnectionError,)),
        )
        self.client = redis.asyncio.Redis.from_pool(pool)

    async def ping(self) -> None:
        """Raise RedisUnavailableError when Redis does not answer."""
        with translate_errors():
            await self.client.ping()

    async def close(self) -> None:
        """Close the connections."""
        await self.client.aclose()


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
