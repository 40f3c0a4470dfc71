"""Bodies of answers, read up to a limit: whoever answers may send without end."""

from __future__ import annotations

import zlib
from typing import Any, Final

import httpx

# zlib's own window, and either of the heads of gzip and zlib.
_ANY_HEAD: Final = zlib.MAX_WBITS | 32
_IDENTITY: Final = frozenset({"", "identity"})
_PACKED: Final = frozenset({"gzip", "x-gzip", "deflate"})
# What is packed may be a little longer than what it holds: names in the head, empty blocks.
_OVERHEAD: Final = 100_000


async def read_bounded(response: httpx.Response, limit: int) -> bytes | None:
    """Return a streamed body, decoded; None where it has more bytes than the limit.

    Not by httpx, which decodes all that has arrived before anybody can count it: a packet of a
    body that was packed twice unfolds to gigabytes.

    Raises:
        httpx.DecodingError: it is packed in another way than gzip or deflate, or ends too soon.
    """
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in _IDENTITY | _PACKED:
        raise httpx.DecodingError("the body is packed in a way that was not asked for")
    decoder = zlib.decompressobj(_ANY_HEAD) if encoding in _PACKED else None
    content = bytearray()
    packed = 0
    async for chunk in response.aiter_raw():
        packed += len(chunk)
        content += chunk if decoder is None else _unpack(decoder, chunk, limit + 1 - len(content))
        if len(content) > limit or packed > limit + _OVERHEAD:
            return None
    if packed and decoder is not None and not decoder.eof:
        raise httpx.DecodingError("the packed body ends too soon")
    return bytes(content)


def _unpack(decoder: Any, chunk: bytes, limit: int) -> bytes:
    try:
        return bytes(decoder.decompress(chunk, limit))
    except zlib.error as exc:
        raise httpx.DecodingError(str(exc)) from exc
