"""Saved views in Postgres."""

from __future__ import annotations

from typing import Final, LiteralString

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from kova.adapters.postgres.pool import Database
from kova.errors.saved_view import MOST_VIEWS, SavedView, TooManyViewsError

# Those who save at the same moment wait for each other, so that the count holds.
_LOCK: Final[LiteralString] = (
    "SELECT pg_advisory_xact_lock(hashtextextended('saved_views:' || %(actor)s, 0))"
)
_SAVE: Final[LiteralString] = """
INSERT INTO saved_views (actor, name, filters)
SELECT %(actor)s, %(name)s, %(filters)s
WHERE (SELECT count(*) FROM saved_views WHERE actor = %(actor)s AND name <> %(name)s) < %(most)s
ON CONFLICT (actor, name) DO UPDATE SET filters = EXCLUDED.filters
RETURNING *"""


class PostgresSavedViewStore:
    """Implements errors.ports.SavedViewStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self, actor: str) -> list[SavedView]:
        """All of a person, by name."""
        async with self._database.statement() as connection:
            cursor = await connection.execute(
                'SELECT * FROM saved_views WHERE actor = %s ORDER BY name COLLATE "C"', (actor,)
            )
            return [_view(row) for row in await cursor.fetchall()]

    async def save(self, actor: str, name: str, filters: dict[str, str]) -> SavedView:
        """Save, or replace the one of that name."""
        values = {"actor": actor, "name": name, "filters": Jsonb(filters), "most": MOST_VIEWS}
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK, values)
            row = await (await connection.execute(_SAVE, values)).fetchone()
        if row is None:
            raise TooManyViewsError
        return _view(row)

    async def delete(self, actor: str, view_id: str) -> bool:
        """Delete a person's own."""
        async with self._database.transaction() as connection:
            cursor = await connection.execute(
                "DELETE FROM saved_views WHERE actor = %s AND id = %s::uuid", (actor, view_id)
            )
            return cursor.rowcount > 0


def _view(row: DictRow) -> SavedView:
    return SavedView(id=str(row["id"]), name=row["name"], filters=row["filters"])
