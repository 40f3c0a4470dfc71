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
from kova.shared.reach import EVERYTHING, Reach
from kova.shared.repository import check_reached_name
from kova.shared.text import clean

_NAME_LIMIT = 100


@dataclass(frozen=True, kw_only=True)
class CreatedKey:
    """A stored new key; `plaintext` can be shown only now."""

    key: ApiKey
    plaintext: str


class ManageKeys:
    """Creates, lists and revokes API keys; each change is noted in the audit log."""

    def __init__(
        self,
        *,
        keys: ApiKeyStore,
        audit: AuditStore,
        admissions: Admissions,
        now: Callable[[], datetime],
    ) -> None:
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
        reach: Reach = EVERYTHING,
    ) -> CreatedKey:
        """Create and return a key.

        Raises:
            InvalidInputError: the name is empty or too long, there is no scope, or a repository
                cannot be one.
            ConflictError: `expires_at` is in the past.
        """
        name = clean(name).strip()
        if not 1 <= len(name) <= _NAME_LIMIT:
            raise InvalidInputError(
                f"A key's name has 1 to {_NAME_LIMIT} characters.", field="name"
            )
        if not scopes:
            raise InvalidInputError("A key needs at least one scope.", field="scopes")
        if reach.names is not None and not reach.names:
            raise InvalidInputError("Name at least one repository.", field="repositories")
        for repository in reach.names or ():
            check_reached_name(repository)
        if expires_at is not None and expires_at <= self._now():
            raise ConflictError("A key must expire in the future.", field="expires_at")
        new_key = generate_key()
        key = await self._keys.create(
            name=name,
            prefix=new_key.prefix,
            secret_hash=new_key.secret_hash,
            scopes=scopes,
            expires_at=expires_at,
            monthly_budget_usd=monthly_budget_usd,
            reach=reach,
        )
        detail: dict[str, str | int | bool | None] = {
            "name": name,
            "scopes": " ".join(sorted(scopes)),
        }
        if reach.names is not None:
            detail["repositories"] = " ".join(sorted(reach.names))
        target = f"key:{key.prefix}"
        await self._audit.record(
            AuditEvent(actor=actor, action=Action.KEY_CREATED, target=target, detail=detail)
        )
        return CreatedKey(key=key, plaintext=new_key.plaintext)

    async def page(self, request: PageRequest) -> Page[ApiKey]:
        """List keys, newest first."""
        return await self._keys.page(request)

    async def revoke(self, *, actor: str, prefix: str) -> ApiKey:
        """Revoke a key. It stops working within seconds everywhere.

        Raises:
            ConflictError: the key asks for its own revocation, which could lock everybody out.
            NotFoundError: there is no such key.
        """
        if actor == f"key:{prefix}":
            raise ConflictError("A key cannot revoke itself: use another key, or `kova keys`.")
        key = await self._keys.revoke(prefix, self._now())
        if key is None:
            raise NotFoundError("There is no such key.")
        await self._admissions.forget(prefix)
        target = f"key:{prefix}"
        await self._audit.record(AuditEvent(actor=actor, action=Action.KEY_REVOKED, target=target))
        return key
