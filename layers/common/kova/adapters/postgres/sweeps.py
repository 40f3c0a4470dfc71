"""How far webhooks were swept, in Postgres."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, LiteralString

from kova.adapters.postgres.pool import Database
from kova.adapters.postgres.rows import as_uuid
from kova.intake.ports import SweepClaim

_CLAIM: Final[LiteralString] = """
INSERT INTO sweeps (source, lease, lease_until)
VALUES (%(source)s, gen_random_uuid(), now() + %(lease)s)
ON CONFLICT (source) DO UPDATE SET
    lease = EXCLUDED.lease, lease_until = EXCLUDED.lease_until
WHERE sweeps.lease_until < now()
RETURNING lease, swept_to"""

_RENEW: Final[LiteralString] = """
UPDATE sweeps SET lease_until = now() + %(longer)s
WHERE source = %(source)s AND lease = %(lease)s AND lease_until > '-infinity'"""

_FINISH: Final[LiteralString] = """
UPDATE sweeps SET swept_to = %(swept_to)s, lease_until = '-infinity'
WHERE source = %(source)s AND lease = %(lease)s"""


class PostgresSweepStore:
    """Implements intake.ports.SweepStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, source: str, lease: timedelta) -> SweepClaim | None:
        """Claim a webhook, unless somebody else has it."""
        async with self._database.transaction() as connection:
            cursor = await connection.execute(_CLAIM, {"source": source, "lease": lease})
            row = await cursor.fetchone()
        if row is None:
            return None
        return SweepClaim(source=source, lease=str(row["lease"]), swept_to=row["swept_to"])

    async def renew(self, claim: SweepClaim, lease: timedelta) -> bool:
        """Keep the webhook for longer."""
        values = {"source": claim.source, "lease": as_uuid(claim.lease), "longer": lease}
        async with self._database.transaction() as connection:
            return (await connection.execute(_RENEW, values)).rowcount == 1

    async def finish(self, claim: SweepClaim, swept_to: datetime) -> None:
        """Record how far was swept."""
        values = {"source": claim.source, "lease": as_uuid(claim.lease), "swept_to": swept_to}
        async with self._database.transaction() as connection:
            await connection.execute(_FINISH, values)
