"""How far webhooks were swept, in memory."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from kova.adapters.memory.database import MemoryDatabase
from kova.intake.ports import SweepClaim


@dataclass
class _Sweep:
    lease: str
    lease_until: datetime | None
    swept_to: datetime | None = None


class MemorySweepStore:
    """Implements intake.ports.SweepStore."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database
        self._sweeps: dict[str, _Sweep] = {}

    async def claim(self, source: str, lease: timedelta) -> SweepClaim | None:
        """Claim a webhook, unless somebody else has it."""
        self._database.check()
        now, row = self._database.now(), self._sweeps.get(source)
        if row is not None and row.lease_until is not None and row.lease_until >= now:
            return None
        claimed = _Sweep(
            lease=str(uuid.uuid4()),
            lease_until=now + lease,
            swept_to=row.swept_to if row else None,
        )
        self._sweeps[source] = claimed
        return SweepClaim(source=source, lease=claimed.lease, swept_to=claimed.swept_to)

    async def renew(self, claim: SweepClaim, lease: timedelta) -> bool:
        """Keep the webhook for longer."""
        now, row = self._database.now(), self._sweeps.get(claim.source)
        if row is None or row.lease != claim.lease or row.lease_until is None:
            return False
        row.lease_until = now + lease
        return True

    async def finish(self, claim: SweepClaim, swept_to: datetime) -> None:
        """Record how far was swept."""
        self._database.check()
        row = self._sweeps.get(claim.source)
        if row is not None and row.lease == claim.lease:
            row.swept_to, row.lease_until = swept_to, None
