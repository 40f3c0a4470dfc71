"""API keys in Postgres."""

from __future__ import annotations

from datetime import datetime

from psycopg.rows import DictRow

from kova.adapters.postgres.pool import Database
from kova.adapters.postgres.rows import cleaned
from kova.domain.api_key import ApiKey, Scope


class PostgresApiKeyStore:
    """Implements ports.stores.ApiKeyStore."""

    def __init__(self, database: Database) -> None:
        """Take the database that it reads and writes."""
        self._database = database

    async def create(
        self,
        name: str,
        prefix: str,
        secret_hash: bytes,
        scopes: frozenset[Scope],
        expires_at: datetime | None,
    ) -> ApiKey:
        """Store a key."""
        values = cleaned({"name": name, "prefix": prefix, "expires_at": expires_at})
        values |= {"hash": secret_hash, "scopes": sorted(scopes)}
        async with self._database.transaction() as connection:
            cursor = await connection.execute(
                """INSERT INTO api_keys (name, prefix, secret_hash, scopes, expires_at)
                VALUES (%(name)s, %(prefix)s, %(hash)s, %(scopes)s, %(expires_at)s) RETURNING *""",
                values,
            )
            row = await cursor.fetchone()
        assert row is not None
        return _api_key(row)

    async def by_prefix(self, prefix: str) -> ApiKey | None:
        """Find by prefix."""
        async with self._database.transaction() as connection:
            cursor = await connection.execute("SELECT * FROM api_keys WHERE prefix = %s", (prefix,))
            row = await cursor.fetchone()
        return _api_key(row) if row else None

    async def list(self) -> list[ApiKey]:
        """All of them."""
        async with self._database.transaction() as connection:
            cursor = await connection.execute("SELECT * FROM api_keys ORDER BY created_at, id")
            return [_api_key(row) for row in await cursor.fetchall()]

    async def revoke(self, prefix: str, now: datetime) -> bool:
        """Revoke one."""
        async with self._database.transaction() as connection:
            cursor = await connection.execute(
                "UPDATE api_keys SET revoked_at = coalesce(revoked_at, %s) WHERE prefix = %s",
                (now, prefix),
            )
        return cursor.rowcount == 1


def _api_key(row: DictRow) -> ApiKey:
    return ApiKey(
        id=str(row["id"]),
        name=row["name"],
        prefix=row["prefix"],
        secret_hash=bytes(row["secret_hash"]),
        scopes=frozenset(Scope(one) for one in row["scopes"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )
