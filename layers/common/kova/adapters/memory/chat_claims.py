"""What a chat asked for, once, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from kova.adapters.memory.database import MemoryDatabase
from kova.notifications.chat_claim import DoneClaim
from kova.shared.exceptions import BusyError


@dataclass(kw_only=True)
class _Claim:
    holder: str
    name: str
    lease_until: datetime
    outcome: str | None = None


class MemoryChatClaims:
    """Implements notifications.ports.ChatClaims."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database
        self._claims: dict[str, _Claim] = {}

    async def claim(
        self, key: str, *, holder: str, name: str, lease: timedelta, again: bool = False
    ) -> DoneClaim | None:
        """Claim a key, or return who did it."""
        now, known = self._database.now(), self._claims.get(key)
        if known is not None:
            if known.outcome is not None and not (again and known.holder != holder):
                return DoneClaim(name=known.name, outcome=known.outcome)
            is_held = known.outcome is None and known.lease_until > now
            if is_held and known.holder != holder:
                raise BusyError(retry_after=1.0)
        self._claims[key] = _Claim(holder=holder, name=name, lease_until=now + lease)
        return None

    async def finish(self, key: str, *, holder: str, outcome: str) -> None:
        """Record that it is done."""
        claim = self._open(key, holder)
        if claim is not None:
            claim.outcome = outcome

    async def abandon(self, key: str, *, holder: str) -> None:
        """Let anybody claim it: it could not be done."""
        if self._open(key, holder) is not None:
            del self._claims[key]

    def _open(self, key: str, holder: str) -> _Claim | None:
        self._database.check()
        claim = self._claims.get(key)
        is_own = claim is not None and claim.holder == holder and claim.outcome is None
        return claim if is_own else None
