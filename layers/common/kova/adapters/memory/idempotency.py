"""Idempotency keys in memory."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from kova.access.idempotency import IdempotencyClaim, IdempotentRequest, StoredAnswer
from kova.adapters.memory.availability import Switchable
from kova.adapters.memory.clock import Clock
from kova.shared.exceptions import IdempotencyError


@dataclass(frozen=True, kw_only=True)
class _Row:
    id: str
    request_hash: bytes
    locked_until: datetime | None
    answer: StoredAnswer | None = None


class MemoryIdempotencyStore(Switchable):
    """Implements access.ports.IdempotencyStore."""

    def __init__(self, now: Callable[[], datetime] | None = None) -> None:
        self._now = now or Clock()
        self._rows: dict[tuple[str, str, str], _Row] = {}

    async def claim(self, request: IdempotentRequest, lease: timedelta) -> IdempotencyClaim:
        """Claim the request, or return the claim of an earlier one."""
        self.check()
        name, now = (request.api_key_id, request.operation, request.key), self._now()
        row = self._rows.get(name)
        if row is None:
            row = _Row(id=str(uuid.uuid4()), request_hash=request.request_hash, locked_until=None)
        if row.request_hash != request.request_hash:
            raise IdempotencyError
        is_locked = row.locked_until is not None and row.locked_until >= now
        if row.answer is not None or is_locked:
            return IdempotencyClaim(id=row.id, is_owner=False, answer=row.answer)
        self._rows[name] = replace(row, locked_until=now + lease)
        return IdempotencyClaim(id=row.id, is_owner=True, answer=None)

    async def settle(self, claim_id: str, answer: StoredAnswer) -> None:
        """Store the answer for repetitions."""
        self.check()
        self._change(claim_id, lambda row: replace(row, answer=answer, locked_until=None))

    async def release(self, claim_id: str) -> None:
        """Release the claim: the next request with this key does the work."""
        self.check()
        self._change(claim_id, lambda row: replace(row, locked_until=None))

    def _change(self, claim_id: str, change: Callable[[_Row], _Row]) -> None:
        for name, row in self._rows.items():
            if row.id == claim_id:
                self._rows[name] = change(row)
