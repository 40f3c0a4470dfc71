"""Results of analysers by content in memory, bounded by age and by size a repository."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from kova.adapters.memory.database import CacheRow, MemoryDatabase

_ROW_BYTES: Final = 100
"""What a row takes beside its payload."""
_DAY: Final = timedelta(days=1)


class MemoryAnalysisCache:
    """Implements analysis.ports.AnalysisCache."""

    def __init__(
        self,
        database: MemoryDatabase,
        *,
        age: timedelta = timedelta(days=30),
        size: int = 64_000_000,
    ) -> None:
        """An entry stays for `age` after its last use; `size` is bytes a repository."""
        self._database = database
        self._age = age
        self._size = size

    async def load(self, repository_id: str, keys: Sequence[bytes]) -> dict[bytes, bytes | None]:
        """Return the payloads that are cached; that they are used is recorded once a day."""
        now, rows = self._database.now(), self._database.cache
        cached: dict[bytes, bytes | None] = {}
        for key in keys:
            row = rows.get((repository_id, key))
            if row is not None:
                cached[key] = row.payload
                if row.used_at < now - _DAY:
                    rows[repository_id, key] = replace(row, used_at=now)
        return cached

    async def store(self, repository_id: str, payloads: Mapping[bytes, bytes | None]) -> None:
        """Store payloads by key."""
        now = self._database.now()
        for key, payload in payloads.items():
            self._database.cache[repository_id, key] = CacheRow(payload=payload, used_at=now)

    async def clean(self, repository_id: str) -> None:
        """Delete what is old, and then what was not used for longest beyond the size."""
        oldest, rows, total = self._database.now() - self._age, self._database.cache, 0
        names = sorted(name for name in rows if name[0] == repository_id)
        for name in sorted(names, key=lambda name: rows[name].used_at, reverse=True):
            total += len(rows[name].payload or b"") + _ROW_BYTES
            if rows[name].used_at < oldest or total > self._size:
                del rows[name]
