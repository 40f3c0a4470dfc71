"""Idempotency keys in Postgres (docs/adr/0009)."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, LiteralString

from psycopg.types.json import Jsonb

from kova.access.idempotency import IdempotencyClaim, IdempotentRequest, StoredAnswer
from kova.adapters.postgres.pool import Database
from kova.adapters.postgres.rows import as_uuid
from kova.shared.exceptions import IdempotencyError

KEPT: Final = timedelta(hours=24)
_CLEANED_AT_ONCE: Final = 50
_CLEAN: Final[LiteralString] = """
DELETE FROM idempotency_keys WHERE id IN (
    SELECT id FROM idempotency_keys WHERE created_at < now() - %(kept)s
    ORDER BY created_at LIMIT %(most)s FOR UPDATE SKIP LOCKED)"""
_INSERT: Final[LiteralString] = """
INSERT INTO idempotency_keys (api_key_id, operation, key, request_hash, locked_until)
VALUES (%(api_key_id)s, %(operation)s, %(key)s, %(request_hash)s, now() + %(lease)s)
ON CONFLICT (api_key_id, operation, key) DO NOTHING RETURNING id"""
# One whose holder died is taken over when its time is over.
_TAKE_OVER: Final[LiteralString] = """
UPDATE idempotency_keys SET locked_until = now() + %(lease)s
WHERE api_key_id = %(api_key_id)s AND operation = %(operation)s AND key = %(key)s
    AND request_hash = %(request_hash)s AND status IS NULL
    AND (locked_until IS NULL OR locked_until < now())
RETURNING id"""
_FIND: Final[LiteralString] = """
SELECT id, request_hash, status, headers, body FROM idempotency_keys
WHERE api_key_id = %(api_key_id)s AND operation = %(operation)s AND key = %(key)s"""


class PostgresIdempotencyStore:
    """Implements access.ports.IdempotencyStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, request: IdempotentRequest, lease: timedelta) -> IdempotencyClaim:
        """Begin the request, or say what became of it."""
        values = {
            "api_key_id": as_uuid(request.api_key_id),
            "operation": request.operation,
            "key": request.key,
            "request_hash": request.request_hash,
            "lease": lease,
        }
        async with self._database.transaction() as connection:
            for query in (_INSERT, _TAKE_OVER):
                row = await (await connection.execute(query, values)).fetchone()
                if row is not None:
                    clean = {"kept": KEPT, "most": _CLEANED_AT_ONCE}
                    await connection.execute(_CLEAN, clean)
                    return IdempotencyClaim(id=str(row["id"]), is_owner=True, answer=None)
            existing = await (await connection.execute(_FIND, values)).fetchone()
        if existing is None:  # It was given back between the two looks.
            return await self.claim(request, lease)
        if bytes(existing["request_hash"]) != request.request_hash:
            raise IdempotencyError
        answer = None
        if existing["status"] is not None:
            answer = StoredAnswer(
                status=existing["status"], headers=existing["headers"], body=bytes(existing["body"])
            )
        return IdempotencyClaim(id=str(existing["id"]), is_owner=False, answer=answer)

    async def settle(self, claim_id: str, answer: StoredAnswer) -> None:
        """Keep the answer."""
        async with self._database.transaction() as connection:
            await connection.execute(
                """UPDATE idempotency_keys SET status = %(status)s, headers = %(headers)s,
                    body = %(body)s, locked_until = NULL WHERE id = %(id)s""",
                {
                    "id": as_uuid(claim_id),
                    "status": answer.status,
                    "headers": Jsonb(answer.headers),
                    "body": answer.body,
                },
            )

    async def release(self, claim_id: str) -> None:
        """Let it go unanswered: the next request with this key does the work."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "UPDATE idempotency_keys SET locked_until = NULL WHERE id = %s AND status IS NULL",
                (as_uuid(claim_id),),
            )
