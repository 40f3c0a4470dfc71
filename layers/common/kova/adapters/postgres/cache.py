"""Findings by content in Postgres, bounded by age and by size a repository."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final, LiteralString

from kova.adapters.postgres.pool import Database
from kova.adapters.postgres.rows import as_uuid

_BATCH: Final = 5_000
_SECONDS: Final = 60.0

_LOAD: Final[LiteralString] = """
SELECT key, payload, used_at < now() - interval '1 day' AS old FROM analysis_cache
WHERE repository_id = %(id)s AND key = ANY(%(keys)s)"""
# Only once a day: reading must not cost a write.
_USED: Final[LiteralString] = """
UPDATE analysis_cache SET used_at = now() WHERE repository_id = %(id)s AND key = ANY(%(keys)s)"""
_STORE: Final[LiteralString] = """
INSERT INTO analysis_cache (repository_id, key, payload, size)
SELECT %(id)s, key, payload, coalesce(length(payload), 0) + 100
FROM unnest(%(keys)s::bytea[], %(payloads)s::bytea[]) AS new (key, payload) ORDER BY key
ON CONFLICT (repository_id, key) DO UPDATE SET
    payload = EXCLUDED.payload, size = EXCLUDED.size, used_at = now()"""
_OLD: Final[LiteralString] = """
DELETE FROM analysis_cache WHERE repository_id = %(id)s AND used_at < now() - %(age)s"""
_SIZE: Final[LiteralString] = """
SELECT coalesce(sum(size), 0) AS size FROM analysis_cache WHERE repository_id = %(id)s"""
_LARGE: Final[LiteralString] = """
DELETE FROM analysis_cache USING (
    SELECT key, sum(size) OVER (ORDER BY used_at DESC, key) AS total
    FROM analysis_cache WHERE repository_id = %(id)s
) AS ranked
WHERE repository_id = %(id)s AND analysis_cache.key = ranked.key AND ranked.total > %(size)s"""


class PostgresAnalysisCache:
    """Implements analysis.ports.AnalysisCache."""

    def __init__(
        self,
        database: Database,
        *,
        age: timedelta = timedelta(days=30),
        size: int = 64_000_000,
    ) -> None:
        """An entry stays for `age` after its last use; `size` is bytes a repository."""
        self._database = database
        self._age = age
        self._size = size

    async def load(self, repository_id: str, keys: Sequence[bytes]) -> dict[bytes, bytes | None]:
        """Return what is there."""
        cached: dict[bytes, bytes | None] = {}
        used: list[bytes] = []
        async with self._database.transaction(seconds=_SECONDS) as connection:
            for start in range(0, len(keys), _BATCH):
                values = {"id": as_uuid(repository_id), "keys": list(keys[start : start + _BATCH])}
                cursor = await connection.execute(_LOAD, values, binary=True)
                async for row in cursor:
                    cached[row["key"]] = row["payload"]
                    if row["old"]:
                        used.append(row["key"])
            if used:
                await connection.execute(_USED, {"id": as_uuid(repository_id), "keys": used})
        return cached

    async def store(self, repository_id: str, entries: Mapping[bytes, bytes | None]) -> None:
        """Keep entries."""
        keys = list(entries)
        async with self._database.transaction(seconds=_SECONDS) as connection:
            for start in range(0, len(keys), _BATCH):
                batch = keys[start : start + _BATCH]
                values = {"id": as_uuid(repository_id), "keys": batch}
                payloads = [entries[key] for key in batch]
                await connection.execute(_STORE, {**values, "payloads": payloads})

    async def clean(self, repository_id: str) -> None:
        """Delete what is old, and then what was not used for longest beyond the size."""
        values = {"id": as_uuid(repository_id), "age": self._age, "size": self._size}
        async with self._database.transaction(seconds=_SECONDS) as connection:
            await connection.execute(_OLD, values)
            row = await (await connection.execute(_SIZE, values)).fetchone()
            if row is not None and row["size"] > self._size:
                await connection.execute(_LARGE, values)
