"""What admission needs from outside: keys, counts of calls, requests by Idempotency-Key."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from kova.access.admission import Admission, Caller
from kova.access.api_key import ApiKey, Scope
from kova.access.idempotency import Claim, IdempotentRequest, StoredAnswer
from kova.shared.page import Page, PageRequest


class Admissions(Protocol):
    """Remembers keys and counts calls.

    Every method raises RedisUnavailableError where the adapter speaks to Redis.
    """

    async def admit(self, caller: Caller, remember: ApiKey | None = None) -> Admission:
        """Count one call.

        Args:
            caller: who calls. One without credentials, or with the wrong secret of a remembered
                key, is a stranger and counts for its address.
            remember: the key, just looked up, to remember for KEY_SECONDS.
        """

    async def forget(self, prefix: str) -> None:
        """Forget a key at once: it was revoked."""


class ApiKeyStore(Protocol):
    """API keys."""

    async def create(
        self,
        *,
        name: str,
        prefix: str,
        secret_hash: bytes,
        scopes: frozenset[Scope],
        expires_at: datetime | None,
        monthly_budget_usd: Decimal | None = None,
    ) -> ApiKey:
        """Store a key."""

    async def use(self, prefix: str, now: datetime) -> ApiKey | None:
        """Find a key by the public part of it, and note when it was last used (to a minute)."""

    async def page(self, request: PageRequest) -> Page[ApiKey]:
        """List, newest first."""

    async def list(self) -> list[ApiKey]:
        """All keys, oldest first."""

    async def revoke(self, prefix: str, now: datetime) -> ApiKey | None:
        """Revoke; None when there is no such key."""


class IdempotencyStore(Protocol):
    """Requests by their Idempotency-Key."""

    async def claim(self, request: IdempotentRequest, lease: timedelta) -> Claim:
        """Begin the request, or say what became of it.

        Raises:
            IdempotencyError: the key stands for another request.
        """

    async def settle(self, claim_id: str, answer: StoredAnswer) -> None:
        """Keep the answer for those who ask again."""

    async def release(self, claim_id: str) -> None:
        """Let the next request with this key do the work."""
