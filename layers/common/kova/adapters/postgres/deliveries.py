"""Handled webhook deliveries in Postgres."""

from __future__ import annotations

from collections.abc import Sequence

from kova.adapters.postgres.pool import Database
from kova.adapters.postgres.rows import as_uuid
from kova.shared.text import clean


class PostgresDeliveryStore:
    """Implements scans.ports.DeliveryStore and intake.ports.HandledDeliveries."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def remember(self, delivery: str, event: str, scan_id: str | None) -> None:
        """Record it, once."""
        async with self._database.transaction() as connection:
            await connection.execute(
                """INSERT INTO deliveries (id, event, scan_id) VALUES (%s, %s, %s)
                ON CONFLICT (id) DO NOTHING""",
                (delivery, event, as_uuid(scan_id) if scan_id else None),
            )

    async def scan_of(self, delivery: str) -> str | None:
        """The scan that the delivery began."""
        async with self._database.transaction() as connection:
            cursor = await connection.execute(
                "SELECT scan_id FROM deliveries WHERE id = %s", (delivery,)
            )
            row = await cursor.fetchone()
        return str(row["scan_id"]) if row and row["scan_id"] else None

    async def handled(self, guids: Sequence[str]) -> frozenset[str]:
        """Return those that are recorded."""
        async with self._database.transaction() as connection:
            cursor = await connection.execute(
                "SELECT id FROM deliveries WHERE id = ANY(%s)", ([clean(guid) for guid in guids],)
            )
            return frozenset([row["id"] async for row in cursor])
