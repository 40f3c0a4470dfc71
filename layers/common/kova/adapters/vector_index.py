"""The code index by vectors: Postgres keeps files and texts, a vector database ranks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

from kova.adapters.postgres.code_index import PostgresCodeIndex
from kova.code_index.ports import Chunk, ChunkVectors, IndexedFile


class VectorCodeIndex:
    """Implements code_index.ports.CodeIndex. The vendor's client is imported at first use."""

    def __init__(self, *, chunks: PostgresCodeIndex, load: Callable[[], ChunkVectors]) -> None:
        self._chunks = chunks
        self._load = load
        self._vectors: ChunkVectors | None = None

    async def missing(self, repository_id: str, files: Sequence[IndexedFile]) -> frozenset[str]:
        """Return the blobs that have no chunks here."""
        return await self._chunks.missing(repository_id, files)

    async def add(self, repository_id: str, chunks: Iterable[Chunk]) -> None:
        """Add vectors, then texts: a blob whose vectors failed is missing still."""
        batch = tuple(chunks)
        if batch:
            await (await self._client()).add(repository_id, batch)
            await self._chunks.add(repository_id, batch)

    async def keep(self, repository_id: str, files: Sequence[IndexedFile]) -> None:
        """Delete the vectors of what is gone, then its texts."""
        stale = await self._chunks.stale(repository_id, files)
        if stale:
            await (await self._client()).forget(repository_id, stale)
        await self._chunks.keep(repository_id, files)

    async def search(self, repository_id: str, query: str, limit: int) -> tuple[Chunk, ...]:
        """Rank by the vectors' nearness."""
        keys = await (await self._client()).nearest(repository_id, query, limit)
        return (await self._chunks.find(repository_id, keys))[:limit]

    async def _client(self) -> ChunkVectors:
        if self._vectors is None:
            self._vectors = await asyncio.to_thread(self._load)
        return self._vectors

    async def close(self) -> None:
        """Close the client, if there is one."""
        if self._vectors is not None:
            await self._vectors.close()
