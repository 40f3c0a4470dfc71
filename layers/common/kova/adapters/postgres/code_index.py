"""The code index in Postgres: terms of chunks, ranked in SQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, LiteralString

from psycopg.rows import DictRow

from kova.adapters.postgres.pool import Connection, Database
from kova.adapters.postgres.rows import as_uuid
from kova.code_index.ports import Chunk, ChunkKey, IndexedFile
from kova.code_index.terms import terms, trigrams_of, weigh_terms
from kova.shared.text import clean

_MOST_QUERY_TERMS: Final = 64

# A file without chunks, such as an empty one, is known as a file.
_MISSING: Final[LiteralString] = """
SELECT unnest(%(shas)s::text[]) AS sha
EXCEPT SELECT blob_sha FROM code_chunks WHERE repository_id = %(repository)s
EXCEPT SELECT blob_sha FROM code_files WHERE repository_id = %(repository)s"""

_CHUNK: Final[LiteralString] = """
INSERT INTO code_chunks (repository_id, blob_sha, name, start_line, content, length, grams)
SELECT %(repository)s, * FROM unnest(%(sha)s::text[], %(name)s::text[], %(line)s::int[],
    %(content)s::text[], %(length)s::int[], %(grams)s::int[])
ON CONFLICT DO NOTHING
RETURNING id, blob_sha, name, start_line"""

_TERMS: Final[LiteralString] = """
INSERT INTO code_terms (repository_id, term, chunk_id, count)
SELECT %(repository)s, * FROM unnest(%(term)s::text[], %(chunk)s::bigint[], %(count)s::int[])
ON CONFLICT DO NOTHING"""

_FILES: Final[LiteralString] = """
INSERT INTO code_files (repository_id, path, blob_sha)
SELECT DISTINCT ON (path) %(repository)s, path, sha
FROM unnest(%(paths)s::text[], %(shas)s::text[]) AS given (path, sha)
ON CONFLICT (repository_id, path) DO UPDATE SET blob_sha = EXCLUDED.blob_sha
WHERE code_files.blob_sha <> EXCLUDED.blob_sha"""

_FORGET_FILES: Final[LiteralString] = """
DELETE FROM code_files WHERE repository_id = %(repository)s AND NOT path = ANY(%(paths)s)"""

_FORGET_CHUNKS: Final[LiteralString] = """
DELETE FROM code_chunks WHERE repository_id = %(repository)s AND NOT EXISTS (
    SELECT FROM code_files WHERE code_files.repository_id = code_chunks.repository_id
    AND code_files.blob_sha = code_chunks.blob_sha)"""

# BM25 with k1 = 1.2 and b = 0.75 (https://doi.org/10.1561/1500000019) over the terms, and beside it
# the rarity of the name's letter groups; the second may add up to 0.6 of what the first says of its
# best. A blob that stands at several paths is shown at the first.
_SEARCH: Final[LiteralString] = """
WITH size AS (
    SELECT count(*)::float8 AS chunks, greatest(avg(length), 1)::float8 AS average
    FROM code_chunks WHERE repository_id = %(repository)s
), asked AS (
    SELECT term, count(*) AS times FROM unnest(%(terms)s::text[]) AS term GROUP BY term
), hits AS (
    SELECT code_terms.chunk_id, code_terms.term, code_terms.count::float8 AS tf, asked.times,
        count(*) OVER (PARTITION BY code_terms.term)::float8 AS df
    FROM asked JOIN code_terms
        ON code_terms.repository_id = %(repository)s AND code_terms.term = asked.term
), scored AS (
    SELECT hits.chunk_id,
        coalesce(sum(times * ln(1 + (size.chunks - df + 0.5) / (df + 0.5)) * tf * 2.2
            / (tf + 1.2 * (0.25 + 0.75 * code_chunks.length / size.average)))
            FILTER (WHERE term NOT LIKE '~%%'), 0) AS words,
        coalesce(sum(ln(1 + size.chunks / df) / (10 + code_chunks.grams))
            FILTER (WHERE term LIKE '~%%'), 0) AS names
    FROM hits JOIN code_chunks ON code_chunks.id = hits.chunk_id, size
    GROUP BY hits.chunk_id
), ranked AS (
    SELECT chunk_id, words + 0.6 * max(words) OVER () * names
        / greatest(max(names) OVER (), 1e-9) AS score
    FROM scored ORDER BY score DESC, chunk_id LIMIT %(limit)s
)
SELECT code_chunks.*, (SELECT min(path) FROM code_files
    WHERE code_files.repository_id = %(repository)s
    AND code_files.blob_sha = code_chunks.blob_sha) AS path
FROM ranked JOIN code_chunks ON code_chunks.id = ranked.chunk_id
ORDER BY ranked.score DESC, code_chunks.id"""


_STALE: Final[LiteralString] = """
SELECT DISTINCT blob_sha FROM code_chunks
WHERE repository_id = %(repository)s AND NOT blob_sha = ANY(%(shas)s)"""

_FIND: Final[LiteralString] = """
SELECT code_chunks.*, (SELECT min(path) FROM code_files
    WHERE code_files.repository_id = %(repository)s
    AND code_files.blob_sha = code_chunks.blob_sha) AS path
FROM unnest(%(shas)s::text[], %(lines)s::int[]) WITH ORDINALITY AS asked (sha, line, place)
JOIN code_chunks ON code_chunks.repository_id = %(repository)s
    AND code_chunks.blob_sha = asked.sha AND code_chunks.start_line = asked.line
ORDER BY asked.place, code_chunks.id"""


class PostgresCodeIndex:
    """Implements code_index.ports.CodeIndex."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def missing(self, repository_id: str, files: Sequence[IndexedFile]) -> frozenset[str]:
        """Return the blobs that have no chunks here."""
        values = {"repository": as_uuid(repository_id), "shas": [file.blob_sha for file in files]}
        async with self._database.transaction() as connection:
            rows = await (await connection.execute(_MISSING, values)).fetchall()
        return frozenset(row["sha"] for row in rows)

    async def add(self, repository_id: str, chunks: Iterable[Chunk]) -> None:
        """Add chunks with their terms."""
        counted = {
            (chunk.blob_sha, chunk.start_line, clean(chunk.name)): (
                chunk,
                weigh_terms(chunk.name, chunk.text),
            )
            for chunk in chunks
        }
        if not counted:
            return
        values = {
            "repository": as_uuid(repository_id),
            "sha": [sha for sha, _, _ in counted],
            "line": [line for _, line, _ in counted],
            "name": [name for _, _, name in counted],
            "content": [clean(chunk.text) for chunk, _ in counted.values()],
            "length": [sum(frequencies.values()) for _, frequencies in counted.values()],
            "grams": [len(set(trigrams_of(chunk.name))) for chunk, _ in counted.values()],
        }
        async with self._database.transaction() as connection:
            rows = await (await connection.execute(_CHUNK, values)).fetchall()
            inserted: list[tuple[str, int, int]] = []
            for row in rows:
                chunk, frequencies = counted[row["blob_sha"], row["start_line"], row["name"]]
                inserted += [(term, row["id"], count) for term, count in frequencies.items()]
                inserted += [(f"~{gram}", row["id"], 1) for gram in set(trigrams_of(chunk.name))]
            await _add_terms(connection, repository_id, inserted)

    async def keep(self, repository_id: str, files: Sequence[IndexedFile]) -> None:
        """Replace the list of files and delete what no file has any more."""
        values = {
            "repository": as_uuid(repository_id),
            "paths": [clean(file.path) for file in files],
            "shas": [file.blob_sha for file in files],
        }
        async with self._database.transaction() as connection:
            await connection.execute(_FILES, values)
            await connection.execute(_FORGET_FILES, values)
            await connection.execute(_FORGET_CHUNKS, values)

    async def stale(self, repository_id: str, files: Sequence[IndexedFile]) -> tuple[str, ...]:
        """Return the blobs that `keep` would delete."""
        values = {"repository": as_uuid(repository_id), "shas": [file.blob_sha for file in files]}
        async with self._database.transaction() as connection:
            rows = await (await connection.execute(_STALE, values)).fetchall()
        return tuple(row["blob_sha"] for row in rows)

    async def find(self, repository_id: str, keys: Sequence[ChunkKey]) -> tuple[Chunk, ...]:
        """Return the chunks with these keys, in their order, that a file still has."""
        values = {
            "repository": as_uuid(repository_id),
            "shas": [key.blob_sha for key in keys],
            "lines": [key.start_line for key in keys],
        }
        async with self._database.transaction() as connection:
            rows = await (await connection.execute(_FIND, values)).fetchall()
        return tuple(_chunk(row) for row in rows if row["path"] is not None)

    async def search(self, repository_id: str, query: str, limit: int) -> tuple[Chunk, ...]:
        """Rank by BM25."""
        values: dict[str, Any] = {
            "repository": as_uuid(repository_id),
            "terms": _query_terms(query),
            "limit": limit,
        }
        async with self._database.transaction() as connection:
            rows = await (await connection.execute(_SEARCH, values)).fetchall()
        return tuple(_chunk(row) for row in rows if row["path"] is not None)


def _query_terms(query: str) -> list[str]:
    words = terms(query)[:_MOST_QUERY_TERMS]
    return words + [f"~{gram}" for gram in sorted(set(trigrams_of(query)))][: 4 * _MOST_QUERY_TERMS]


async def _add_terms(
    connection: Connection, repository_id: str, inserted: Sequence[tuple[str, int, int]]
) -> None:
    values = {
        "repository": as_uuid(repository_id),
        "term": [term for term, _, _ in inserted],
        "chunk": [chunk for _, chunk, _ in inserted],
        "count": [count for _, _, count in inserted],
    }
    await connection.execute(_TERMS, values)


def _chunk(row: DictRow) -> Chunk:
    return Chunk(
        blob_sha=row["blob_sha"],
        path=row["path"],
        name=row["name"],
        start_line=row["start_line"],
        text=row["content"],
    )
