"""The code index in memory, with the same ranking as in Postgres."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from kova.adapters.memory.availability import Switchable
from kova.code_index.ports import Chunk, IndexedFile
from kova.code_index.terms import terms, trigrams_of, weigh_terms
from kova.shared.exceptions import IndexUnavailableError
from kova.shared.text import clean

_MOST_QUERY_TERMS: Final = 64
_NAMES_WEIGHT: Final = 0.6


@dataclass(frozen=True, kw_only=True)
class _IndexedChunk:
    chunk: Chunk
    weights: Counter[str]
    trigrams: frozenset[str]

    @property
    def length(self) -> int:
        return sum(self.weights.values())


@dataclass(kw_only=True)
class _Chunks:
    """The chunks and files of one repository."""

    chunks: dict[tuple[str, int, str], _IndexedChunk] = field(default_factory=dict)
    blobs: dict[str, str] = field(default_factory=dict)
    """Blob by path."""


class MemoryCodeIndex(Switchable):
    """Implements code_index.ports.CodeIndex."""

    outage = IndexUnavailableError

    def __init__(self) -> None:
        self._repositories: dict[str, _Chunks] = {}

    async def missing(self, repository_id: str, files: Sequence[IndexedFile]) -> frozenset[str]:
        """Return the blobs of these files that are not indexed in this repository."""
        self.check()
        indexed = self._of(repository_id)
        present = {blob_sha for blob_sha, _, _ in indexed.chunks} | set(indexed.blobs.values())
        return frozenset(file.blob_sha for file in files) - present

    async def add(self, repository_id: str, chunks: Iterable[Chunk]) -> None:
        """Add chunks; adding them again changes nothing."""
        self.check()
        indexed = self._of(repository_id)
        for chunk in chunks:
            stored = replace(chunk, name=clean(chunk.name), text=clean(chunk.text))
            key = (stored.blob_sha, stored.start_line, stored.name)
            indexed.chunks.setdefault(
                key,
                _IndexedChunk(
                    chunk=stored,
                    weights=weigh_terms(chunk.name, chunk.text),
                    trigrams=frozenset(trigrams_of(chunk.name)),
                ),
            )

    async def keep(self, repository_id: str, files: Sequence[IndexedFile]) -> None:
        """Keep the chunks of these files and delete all others of the repository."""
        self.check()
        blobs = {clean(file.path): file.blob_sha for file in files}
        present = set(blobs.values())
        chunks = {
            key: chunk
            for key, chunk in self._of(repository_id).chunks.items()
            if chunk.chunk.blob_sha in present
        }
        self._repositories[repository_id] = _Chunks(chunks=chunks, blobs=blobs)

    async def search(self, repository_id: str, query: str, limit: int) -> tuple[Chunk, ...]:
        """Return at most `limit` chunks for a question, the best first."""
        self.check()
        indexed = self._of(repository_id)
        # Of a blob that stands at several paths the first one is shown: it comes last here.
        paths = {blob: path for path, blob in sorted(indexed.blobs.items(), reverse=True)}
        ranked = _rank(list(indexed.chunks.values()), query)[:limit]
        return tuple(
            replace(chunk, path=paths[chunk.blob_sha])
            for chunk in ranked
            if chunk.blob_sha in paths
        )

    def _of(self, repository_id: str) -> _Chunks:
        return self._repositories.setdefault(repository_id, _Chunks())


def _rank(chunks: Sequence[_IndexedChunk], query: str) -> list[Chunk]:
    """Return the chunks that a query meets, the best first."""
    words = Counter(terms(query)[:_MOST_QUERY_TERMS])
    trigrams = sorted(set(trigrams_of(query)))[: 4 * _MOST_QUERY_TERMS]
    by_words = _score_words(chunks, words)
    by_names = _score_names(chunks, trigrams)
    best_words, best_names = max(by_words.values(), default=0.0), max(by_names.values(), default=0)
    scores = {
        number: by_words.get(number, 0.0)
        + _NAMES_WEIGHT * best_words * by_names.get(number, 0.0) / max(best_names, 1e-9)
        for number in by_words.keys() | by_names.keys()
    }
    return [chunks[number].chunk for number in sorted(scores, key=lambda n: (-scores[n], n))]


def _score_words(chunks: Sequence[_IndexedChunk], words: Counter[str]) -> Mapping[int, float]:
    """Score by BM25 with k1 = 1.2 and b = 0.75 (https://doi.org/10.1561/1500000019)."""
    average = max(sum(chunk.length for chunk in chunks) / max(len(chunks), 1), 1.0)
    scores: dict[int, float] = {}
    for word, times in words.items():
        hits = [number for number, chunk in enumerate(chunks) if chunk.weights[word]]
        rarity = math.log(1 + (len(chunks) - len(hits) + 0.5) / (len(hits) + 0.5))
        for number in hits:
            frequency = chunks[number].weights[word]
            norm = 0.25 + 0.75 * chunks[number].length / average
            score = times * rarity * frequency * 2.2 / (frequency + 1.2 * norm)
            scores[number] = scores.get(number, 0.0) + score
    return scores


def _score_names(chunks: Sequence[_IndexedChunk], trigrams: Sequence[str]) -> Mapping[int, float]:
    """Score by the rarity of the trigrams that a chunk's name shares with the query."""
    scores: dict[int, float] = {}
    for trigram in trigrams:
        hits = [number for number, chunk in enumerate(chunks) if trigram in chunk.trigrams]
        for number in hits:
            rarity = math.log(1 + len(chunks) / len(hits))
            weight = rarity / (10 + len(chunks[number].trigrams))
            scores[number] = scores.get(number, 0.0) + weight
    return scores
