"""What the code index needs from outside: stored chunks and their vectors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """One function, class or stretch of a file. `blob_sha` is that of the whole file."""

    blob_sha: str
    path: str
    name: str
    start_line: int
    text: str


@dataclass(frozen=True, kw_only=True)
class IndexedFile:
    """A file of a repository's default branch."""

    path: str
    blob_sha: str


class CodeIndex(Protocol):
    """Chunks of the default branch of each repository.

    Errors are DatabaseUnavailableError or IndexUnavailableError.
    """

    async def missing(self, repository_id: str, files: Sequence[IndexedFile]) -> frozenset[str]:
        """Return the blobs of these files that are not indexed in this repository."""

    async def add(self, repository_id: str, chunks: Iterable[Chunk]) -> None:
        """Add chunks; adding them again changes nothing."""

    async def keep(self, repository_id: str, files: Sequence[IndexedFile]) -> None:
        """Keep the chunks of these files and delete all others of the repository."""

    async def search(self, repository_id: str, query: str, limit: int) -> tuple[Chunk, ...]:
        """Return at most `limit` chunks for a question, the best first."""


@dataclass(frozen=True, kw_only=True)
class ChunkKey:
    """Identifies a chunk within a repository."""

    blob_sha: str
    start_line: int


class ChunkVectors(Protocol):
    """Vectors of chunks, by repository. Errors are IndexUnavailableError."""

    async def add(self, repository_id: str, chunks: Sequence[Chunk]) -> None:
        """Embed chunks and store their vectors; doing it again changes nothing."""

    async def forget(self, repository_id: str, blobs: Sequence[str]) -> None:
        """Delete the vectors of blobs."""

    async def nearest(self, repository_id: str, query: str, limit: int) -> tuple[ChunkKey, ...]:
        """Return the keys of at most `limit` chunks, the nearest first."""

    async def close(self) -> None:
        """Close the connections."""
