"""Bodies of answers, read up to a limit: whoever answers may send without end."""

from __future__ import annotations

import httpx


async def read_bounded(response: httpx.Response, limit: int) -> bytes | None:
    """Return a streamed body, decoded; None where it has more bytes than the limit."""
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > limit:
            return None
    return bytes(content)
