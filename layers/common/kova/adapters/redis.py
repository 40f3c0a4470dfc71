"""Redis: for now only asked whether it is there."""

from __future__ import annotations

import redis.asyncio
import redis.exceptions

from kova.domain.errors import UnavailableError


class Redis:
    """A client that connects on first use."""

    def __init__(self, url: str) -> None:
        """Take a redis:// or rediss:// URL."""
        self._client = redis.asyncio.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)

    async def ping(self) -> None:
        """Raise UnavailableError when Redis does not answer."""
        try:
            await self._client.ping()
        except (redis.exceptions.RedisError, OSError) as exc:
            raise UnavailableError("Redis does not answer.") from exc

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
