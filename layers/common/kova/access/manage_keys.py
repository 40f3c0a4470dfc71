"""Create, list and revoke API keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from kova.access.api_key import ApiKey, Scope, generate_key
from kova.access.ports import Admissions, ApiKeyStore
from kova.shared.audit import Action, AuditEvent
from kova.shared.exceptions import ConflictError, InvalidInputError, NotFoundError
from kova.shared.page import Page, PageRequest
from kova.shared.ports import AuditStore

_NAME_LIMIT = 100


@dataclass(frozen=True, kw_only=True)
class CreatedKey:
    """A new key; `plaintext` can be seen this once."""

    key: ApiKey
    plaintext: str


class ManageKeys:
    """The life of API keys, each step noted in the audit log."""

    def __init__(
        self,
        *,
        keys: ApiKeyStore,
        audit: AuditStore,
        admissions: Admissions,
        now: Callable[[], datetime],
    ) -> None:
        """Take where keys and deeds are kept, who remembers keys, and a clock."""
        self._keys = keys
        self._audit = audit
        self._admissions = admissions
        self._now = now

    async def create(
        self,
        *,
        actor: str,
        name: str,
        scopes: frozenset[Scope],
        expires_at: datetime | None = None,
        monthly_budget_usd: Decimal | None = None,
    ) -> CreatedKey:
        """Create a key.

        Raises:
            InvalidInputError: the name is empty or too long, or there is no scope.
            ConflictError: it has expired already.
        """
        name = name.strip()
        if not 1 <= len(name) <= _NAME_LIMIT:
            raise InvalidInputError(
                f"A key's name has 1 to {_NAME_LIMIT} characters.", field="name"
            )
        if not scopes:
            raise InvalidInputError("A key needs at least one scope.", field="scopes")
        if expires_at is not None and expires_at <= self._now():
            raise ConflictError("A key expires at a time to come.", field="expires_at")
        new = generate_key()
        key = await self._keys.create(
            name=name,
            prefix=new.prefix,
            secret_hash=new.secret_hash,
            scopes=scopes,
            expires_at=expires_at,
            monthly_budget_usd=monthly_budget_usd,
        )
        detail = {"name": name, "scopes": " ".join(sorted(scopes))}
        target = f"key:{key.prefix}"
        await self._audit.record(
            AuditEvent(actor=actor, action=Action.KEY_CREATED, target=target, detail=detail)
        )
        return CreatedKey(key=key, plaintext=new.plaintext)

    async def page(self, request: PageRequest) -> Page[ApiKey]:
        """List keys, newest first."""
        return await self._keys.page(request)

    async def revoke(self, *, actor: str, prefix: str) -> ApiKey:
        """Revoke a key: at once where it is remembered, and within seconds everywhere.

        Raises:
            ConflictError: it is the key that asks: nobody locks themselves out.
            NotFoundError: there is no such key.
        """
        if actor == f"key:{prefix}":
            raise ConflictError("A key does not revoke itself: use another one, or `kova keys`.")
        key = await self._keys.revoke(prefix, self._now())
        if key is None:
            raise NotFoundError("There is no such key.")
        await self._admissions.forget(prefix)
        target = f"key:{prefix}"
        await self._audit.record(AuditEvent(actor=actor, action=Action.KEY_REVOKED, target=target))
        return key
