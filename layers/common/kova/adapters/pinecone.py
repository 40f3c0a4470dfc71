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
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except PineconeError as exc:
        raise IndexUnavailableError from exc


class PineconeVectors:
    """Implements code_index.ports.ChunkVectors."""

    def __init__(
        self, *, client: AsyncPinecone, index_name: str, host: str | None, embeddings: Embeddings
    ) -> None:
        """`host` saves the look-up of the index by its name."""
        self._client = client
        self._name = index_name
        self._host = host
        self._embeddings = embeddings

    async def add(self, repository_id: str, chunks: Sequence[Chunk]) -> None:
        """Embed and upsert; the ids are made from the chunks, so doing it again changes nothing."""
        texts = [f"{chunk.path}\n{chunk.name}\n{chunk.text}" for chunk in chunks]
        vectors = await self._embeddings.run(texts)
        records = [
            {"id": _id(chunk), "values": vector, "metadata": {"name": chunk.name[:200]}}
            for chunk, vector in zip(chunks, vectors, strict=True)
        ]
        with _translate_errors():
            async with await self._client.index(self._name, host=self._host or "") as index:
                for start in range(0, len(records), _BATCH):
                    batch = records[start : start + _BATCH]
                    await index.upsert(vectors=batch, namespace=repository_id)

    async def forget(self, repository_id: str, blobs: Sequence[str]) -> None:
        """List the ids of each blob by their prefix, and delete them."""
        with _translate_errors():
            async with await self._client.index(self._name, host=self._host or "") as index:
                for blob in blobs:
                    async for page in index.list(prefix=f"{blob}:", namespace=repository_id):
                        ids = [vector.id for vector in page.vectors if vector.id]
                        if ids:
                            await index.delete(ids=ids, namespace=repository_id)

    async def nearest(self, repository_id: str, query: str, limit: int) -> tuple[ChunkKey, ...]:
        """Embed the query and ask for its neighbours."""
        (vector,) = await self._embeddings.run([query])
        with _translate_errors():
            async with await self._client.index(self._name, host=self._host or "") as index:
                result = await index.query(vector=vector, top_k=limit, namespace=repository_id)
        return tuple(key for match in result.matches if (key := _key(match.id)) is not None)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()
        await self._embeddings.close()


def _id(chunk: Chunk) -> str:
    return f"{chunk.blob_sha}:{chunk.start_line}"


def _key(identifier: str) -> ChunkKey | None:
    """Read an id of ours; the namespace may hold others."""
    match = _ID.fullmatch(identifier)
    return ChunkKey(blob_sha=match[1], start_line=int(match[2])) if match else None
