"""Whether the tables are those that this code needs."""

from __future__ import annotations

from typing import Any, Final, LiteralString

import psycopg

from kova.shared.exceptions import SchemaOutdatedError

# The newest file in migrations/; a test compares them. Nothing is listed at run time.
NEEDED_VERSION: Final = "20261130150000"
_VERSION: Final[LiteralString] = "SELECT max(version) AS version FROM schema_migrations"


async def check_schema(connection: psycopg.AsyncConnection[Any]) -> None:
    """Do nothing where every migration was applied; a newer database is fine.

    Raises:
        SchemaOutdatedError: a migration is missing, or all are.
    """
    try:
        row = await (await connection.execute(_VERSION)).fetchone()
    except psycopg.errors.UndefinedTable:
        raise SchemaOutdatedError from None
    if row is None or (row["version"] or "") < NEEDED_VERSION:
        raise SchemaOutdatedError
