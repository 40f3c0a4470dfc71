"""API keys in Postgres."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final, LiteralString

from psycopg.rows import DictRow

from kova.access.api_key import ApiKey, Scope
from kova.adapters.postgres.pool import Database
from kova.adapters.postgres.rows import clean_values, fetch_page
from kova.shared.page import Page, PageRequest
from kova.shared.reach import EVERYTHING, Reach, reach_of

_USE: Final[LiteralString] = """
WITH used AS (
    UPDATE api_keys SET last_used_at = %(now)s
    WHERE prefix = %(prefix)s AND secret_hash = %(secret_hash)s AND revoked_at IS NULL
        AND (last_used_at IS NULL OR last_used_at < %(now)s - interval '1 minute')
)
SELECT * FROM api_keys WHERE prefix = %(prefix)s AND secret_hash = %(secret_hash)s"""


class PostgresApiKeyStore:
    """Implements access.ports.ApiKeyStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self,
        *,
        name: str,
        prefix: str,
        secret_hash: bytes,
        scopes: frozenset[Scope],
        expires_at: datetime | None,
        monthly_budget_usd: Decimal | None = None,
        reach: Reach = EVERYTHING,
    ) -> ApiKey:
        """Store a key."""
        values = clean_values({"name": name, "prefix": prefix, "expires_at": expires_at})
        values["budget"] = monthly_budget_usd
        values |= {"repositories": None if reach.names is None else sorted(reach.names)}
        values |= {"hash": secret_hash, "scopes": sorted(scopes)}
        async with self._database.transaction() as connection:
            cursor = await connection.execute(
                """INSERT INTO api_keys
                    (name, prefix, secret_hash, scopes, expires_at, monthly_budget_usd,
                    repositories)
                VALUES (%(name)s, %(prefix)s, %(hash)s, %(scopes)s, %(expires_at)s, %(budget)s,
                    %(repositories)s)
                RETURNING *""",
                values,
            )
            row = await cursor.fetchone()
        assert row is not None
        return _api_key(row)

    async def use(self, prefix: str, secret_hash: bytes, now: datetime) -> ApiKey | None:
        """Find it and note the use, at most once a minute."""
        values = {"prefix": prefix, "secret_hash": secret_hash, "now": now}
        async with self._database.transaction() as connection:
            row = await (await connection.execute(_USE, values)).fetchone()
        return _api_key(row) if row else None

    async def list(self) -> list[ApiKey]:
        """All of them."""
        async with self._database.transaction() as connection:
            cursor = await connection.execute("SELECT * FROM api_keys ORDER BY created_at, id")
            return [_api_key(row) for row in await cursor.fetchall()]

    async def page(self, request: PageRequest) -> Page[ApiKey]:
        """List, newest first."""
        async with self._database.transaction() as connection:
            return await fetch_page(
                connection,
                select="SELECT * FROM api_keys",
                table="api_keys",
                ordered_by="created_at",
                where=(),
                values={},
                request=request,
                make=_api_key,
            )

    async def revoke(self, prefix: str, now: datetime) -> ApiKey | None:
        """Revoke one; a revoked one stays as it is."""
        async with self._database.transaction() as connection:
            cursor = await connection.execute(
                """UPDATE api_keys SET revoked_at = coalesce(revoked_at, %s) WHERE prefix = %s
                RETURNING *""",
                (now, prefix),
            )
            row = await cursor.fetchone()
        return _api_key(row) if row else None


def _api_key(row: DictRow) -> ApiKey:
    return ApiKey(
        id=str(row["id"]),
        name=row["name"],
        prefix=row["prefix"],
        secret_hash=bytes(row["secret_hash"]),
        scopes=frozenset(Scope(scope) for scope in row["scopes"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        last_used_at=row["last_used_at"],
        monthly_budget_usd=row["monthly_budget_usd"],
        reach=reach_of(row["repositories"]),
    )
