"""Vectors of code in Pinecone, a namespace for each repository.

The package is `pinecone`; `pinecone-client` is its old name and raises when it is imported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

from pinecone import AsyncPinecone, PineconeError

from kova.code_index.ports import Chunk, ChunkKey
from kova.shared.exceptions import IndexUnavailableError

# A request may have 2 MB; a vector of 1,536 numbers is some 30 kB of JSON.
_BATCH: Final = 50
_ID: Final = re.compile(r"([0-9a-f]{40,64}):([1-9][0-9]{0,8})")
_TIMEOUT: Final = 10.0


class Embeddings(Protocol):
    """Turns texts into vectors."""

    async def run(self, texts: Sequence[str]) -> list[list[float]]:
        """Return a vector for each text."""

    async def close(self) -> None:
        """Close the connections."""


def pinecone_client(api_key: str) -> AsyncPinecone:
    """Make a client."""
    return AsyncPinecone(api_key=api_key, timeout=_TIMEOUT)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except PineconeError as exc:
        raise IndexUnavailableError from exc


class PineconeVectors:
    """Implements ports.index.ChunkVectors."""

    def __init__(
        self, *, client: AsyncPinecone, index_name: str, host: str | None, embeddings: Embeddings
    ) -> None:
        """Take a client, the index by its name or its host, and what makes vectors."""
        self._client = client
        self._name = index_name
        self._host = host
        self._embeddings = embeddings

    async def add(self, repository_id: str, chunks: Sequence[Chunk]) -> None:
        """Embed and upsert; the ids are made from the chunks, so doing it again changes nothing."""
        texts = [f"{one.path}\n{one.name}\n{one.text}" for one in chunks]
        vectors = await self._embeddings.run(texts)
        items = [
            {"id": _id(one), "values": vector, "metadata": {"name": one.name[:200]}}
            for one, vector in zip(chunks, vectors, strict=True)
        ]
        with _translated():
            async with await self._client.index(self._name, host=self._host or "") as index:
                for start in range(0, len(items), _BATCH):
                    batch = items[start : start + _BATCH]
                    await index.upsert(vectors=batch, namespace=repository_id)

    async def forget(self, repository_id: str, blobs: Sequence[str]) -> None:
        """List the ids of each blob by their prefix, and delete them."""
        with _translated():
            async with await self._client.index(self._name, host=self._host or "") as index:
                for blob in blobs:
                    async for page in index.list(prefix=f"{blob}:", namespace=repository_id):
                        ids = [one.id for one in page.vectors if one.id]
                        if ids:
                            await index.delete(ids=ids, namespace=repository_id)

    async def nearest(self, repository_id: str, query: str, limit: int) -> tuple[ChunkKey, ...]:
        """Embed the query and ask for its neighbours."""
        (vector,) = await self._embeddings.run([query])
        with _translated():
            async with await self._client.index(self._name, host=self._host or "") as index:
                found = await index.query(vector=vector, top_k=limit, namespace=repository_id)
        return tuple(key for one in found.matches if (key := _key(one.id)) is not None)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()
        await self._embeddings.close()


def _id(chunk: Chunk) -> str:
    return f"{chunk.blob_sha}:{chunk.start_line}"


def _key(identifier: str) -> ChunkKey | None:
    """Read an id of ours; the namespace may hold others."""
    found = _ID.fullmatch(identifier)
    return ChunkKey(blob_sha=found[1], start_line=int(found[2])) if found else None
