"""API keys by the command line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from kova.adapters.postgres.api_keys import PostgresApiKeyStore
from kova.adapters.postgres.pool import Database
from kova.domain.api_key import ApiKey, Scope, generate_key


async def create_key(
    database_url: str, name: str, scopes: Sequence[Scope], days: int | None = None
) -> str:
    """Make a key and return it in the clear: the only time that it can be seen."""
    new = generate_key()
    expires_at = datetime.now(UTC) + timedelta(days=days) if days is not None else None
    database = Database(database_url)
    try:
        await PostgresApiKeyStore(database).create(
            name, new.prefix, new.secret_hash, frozenset(scopes), expires_at
        )
    finally:
        await database.close()
    return new.plaintext


async def list_keys(database_url: str) -> list[ApiKey]:
    """Return all keys."""
    database = Database(database_url)
    try:
        return await PostgresApiKeyStore(database).list()
    finally:
        await database.close()


async def revoke_key(database_url: str, prefix: str) -> bool:
    """Revoke a key by the part after `kova_`; False when there is none."""
    database = Database(database_url)
    try:
        return await PostgresApiKeyStore(database).revoke(prefix, datetime.now(UTC))
    finally:
        await database.close()
