"""API keys in memory."""

from __future__ import annotations

import builtins
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from kova.access.api_key import ApiKey, Scope
from kova.adapters.memory.availability import Switchable
from kova.adapters.memory.clock import Clock
from kova.adapters.memory.pages import newest_first
from kova.shared.page import Page, PageRequest, Position
from kova.shared.reach import EVERYTHING, Reach
from kova.shared.text import clean

_USE_NOTED_AFTER: Final = timedelta(minutes=1)


class MemoryApiKeyStore(Switchable):
    """Implements access.ports.ApiKeyStore."""

    def __init__(self, now: Callable[[], datetime] | None = None) -> None:
        self._now = now or Clock()
        self._keys: dict[str, ApiKey] = {}

    async def create(
        self,
        *,
        name: str,
        prefix: str,
        secret_hash: bytes,
        scopes: frozenset[Scope],
        expires_at: datetime | None,
        monthly_budget_usd: Decimal | None = None,
        reach: Reach = EVERYTHING,
    ) -> ApiKey:
        """Store and return a key."""
        self.check()
        key = ApiKey(
            id=str(uuid.uuid4()),
            name=clean(name),
            prefix=prefix,
            secret_hash=secret_hash,
            scopes=scopes,
            created_at=self._now(),
            expires_at=expires_at,
            monthly_budget_usd=monthly_budget_usd,
            reach=reach,
        )
        self._keys[prefix] = key
        return key

    async def use(self, prefix: str, secret_hash: bytes, now: datetime) -> ApiKey | None:
        """Return a key as it was before this use, and note the use, at most once a minute."""
        self.check()
        key = self._keys.get(prefix)
        if key is None or key.secret_hash != secret_hash:
            return None
        if key.revoked_at is not None:
            return key
        if key.last_used_at is None or key.last_used_at < now - _USE_NOTED_AFTER:
            self._keys[prefix] = replace(key, last_used_at=now)
        return key

    async def page(self, request: PageRequest) -> Page[ApiKey]:
        """Return a page of keys, newest first."""
        self.check()
        return newest_first(
            self._keys.values(), request, lambda key: Position(at=key.created_at, id=key.id)
        )

    async def list(self) -> builtins.list[ApiKey]:
        """Return all keys, oldest first."""
        self.check()
        return sorted(self._keys.values(), key=lambda key: (key.created_at, key.id))

    async def revoke(self, prefix: str, now: datetime) -> ApiKey | None:
        """Revoke and return a key; the first revocation stays as it is."""
        self.check()
        key = self._keys.get(prefix)
        if key is None:
            return None
        self._keys[prefix] = replace(key, revoked_at=key.revoked_at or now)
        return self._keys[prefix]
