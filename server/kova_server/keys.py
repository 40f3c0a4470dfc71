"""API keys by the command line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, TypeVar

from kova.access.api_key import ApiKey, Scope
from kova.bootstrap.access import AccessRoot
from kova.bootstrap.core import Core
from kova.bootstrap.settings import load_settings

Result = TypeVar("Result")
_ACTOR: Final = "cli"


async def create_key(
    variables: Mapping[str, str],
    name: str,
    scopes: Sequence[Scope],
    *,
    days: int | None = None,
    budget: Decimal | None = None,
) -> str:
    """Make a key and return it in the clear: the only time that it can be seen."""

    async def create(access: AccessRoot) -> str:
        created_key = await access.manage_keys.create(
            actor=_ACTOR,
            name=name,
            scopes=frozenset(scopes),
            expires_at=datetime.now(UTC) + timedelta(days=days) if days is not None else None,
            monthly_budget_usd=budget,
        )
        return created_key.plaintext

    return await _run_with_access(variables, create)


async def list_keys(variables: Mapping[str, str]) -> list[ApiKey]:
    """Return all keys."""

    async def list_all(access: AccessRoot) -> list[ApiKey]:
        return await access.keys.list()

    return await _run_with_access(variables, list_all)


async def revoke_key(variables: Mapping[str, str], prefix: str) -> None:
    """Revoke a key by the part after `kova_`.

    Raises:
        NotFoundError: there is no such key.
    """

    async def revoke(access: AccessRoot) -> None:
        await access.manage_keys.revoke(actor=_ACTOR, prefix=prefix)

    await _run_with_access(variables, revoke)


async def _run_with_access(
    variables: Mapping[str, str], work: Callable[[AccessRoot], Awaitable[Result]]
) -> Result:
    core = Core(load_settings(variables, needed=("KOVA_DATABASE_URL",)))
    try:
        return await work(AccessRoot(core))
    finally:
        await core.close()
