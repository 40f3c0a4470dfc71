"""What a chat asked for, once, in Postgres."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, LiteralString

from kova.adapters.postgres.pool import Database
from kova.adapters.postgres.rows import clean_values
from kova.notifications.chat_claim import DoneClaim
from kova.shared.exceptions import BusyError

_CLAIM: Final[LiteralString] = """
INSERT INTO chat_claims AS claim (key, holder, name, lease_until)
VALUES (%(key)s, %(holder)s, %(name)s, now() + %(lease)s)
ON CONFLICT (key) DO UPDATE SET holder = EXCLUDED.holder, name = EXCLUDED.name,
    lease_until = EXCLUDED.lease_until, done_at = NULL, outcome = NULL
WHERE (claim.done_at IS NULL AND (claim.holder = EXCLUDED.holder OR claim.lease_until <= now()))
    OR (claim.done_at IS NOT NULL AND %(again)s AND claim.holder <> EXCLUDED.holder)
RETURNING key"""
_READ: Final[LiteralString] = """
SELECT name, outcome, done_at IS NOT NULL AS done,
    greatest(extract(epoch FROM lease_until - now()), 1)::float8 AS seconds
FROM chat_claims WHERE key = %(key)s"""
_FINISH: Final[LiteralString] = """
UPDATE chat_claims SET done_at = now(), outcome = %(outcome)s
WHERE key = %(key)s AND holder = %(holder)s AND done_at IS NULL"""
_ABANDON: Final[LiteralString] = """
DELETE FROM chat_claims WHERE key = %(key)s AND holder = %(holder)s AND done_at IS NULL"""
_FORGET: Final[LiteralString] = (
    "DELETE FROM chat_claims WHERE key LIKE 'event:%%' AND created_at < now() - interval '7 days'"
)


class PostgresChatClaims:
    """Implements notifications.ports.ChatClaims."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(
        self, key: str, *, holder: str, name: str, lease: timedelta, again: bool = False
    ) -> DoneClaim | None:
        """Claim a key, or return who did it."""
        values = {"key": key, "holder": holder, "name": name, "lease": lease, "again": again}
        async with self._database.transaction() as connection:
            cursor = await connection.execute(_CLAIM, clean_values(values))
            if await cursor.fetchone() is not None:
                return None
            row = await (await connection.execute(_READ, clean_values({"key": key}))).fetchone()
        if row is None or not row["done"]:
            raise BusyError(retry_after=min(row["seconds"] if row else 1.0, 5.0))
        return DoneClaim(name=row["name"], outcome=row["outcome"])

    async def finish(self, key: str, *, holder: str, outcome: str) -> None:
        """Record that it is done."""
        await self._execute(_FINISH, key=key, holder=holder, outcome=outcome)

    async def abandon(self, key: str, *, holder: str) -> None:
        """Let anybody claim it: it could not be done."""
        await self._execute(_ABANDON, key=key, holder=holder)

    async def forget(self) -> int:
        """Forget the events of more than a week ago, which Slack no longer repeats."""
        return await self._execute(_FORGET)

    async def _execute(self, query: LiteralString, **values: str) -> int:
        async with self._database.transaction() as connection:
            return (await connection.execute(query, clean_values(values))).rowcount
