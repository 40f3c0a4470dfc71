"""Handled webhook deliveries in memory."""

from __future__ import annotations

from collections.abc import Sequence

from kova.adapters.memory.database import MemoryDatabase


class MemoryDeliveryStore:
    """Implements scans.ports.DeliveryStore and intake.ports.HandledDeliveries."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def remember(self, delivery: str, event: str, scan_id: str | None) -> None:
        """Record the delivery as handled, once."""
        del event  # Only people read it, in the table.
        self._database.check()
        self._database.deliveries.setdefault(delivery, scan_id)

    async def scan_of(self, delivery: str) -> str | None:
        """Return the id of the scan that an earlier attempt at this delivery began."""
        self._database.check()
        return self._database.deliveries.get(delivery)

    async def handled(self, guids: Sequence[str]) -> frozenset[str]:
        """Return those that are recorded."""
        self._database.check()
        return frozenset(guid for guid in guids if guid in self._database.deliveries)
