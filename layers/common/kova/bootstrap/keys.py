"""API keys for whoever runs Kova: on the command line, and by a function of a deployed stack."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from kova.access.api_key import ApiKey, Scope
from kova.bootstrap.access import AccessRoot
from kova.bootstrap.core import Core, now
from kova.bootstrap.settings import load_settings
from kova.models.usage import MOST_BUDGET_USD
from kova.shared.exceptions import InvalidInputError
from kova.shared.reach import EVERYTHING, Reach, reach_of

_MOST_DAYS: Final = 3_650
_SMALLEST: Final = Decimal("0.0001")
_ACTIONS: Final = ("create", "list", "revoke")


async def answer_key_request(
    variables: Mapping[str, str], request: Mapping[str, Any], actor: str
) -> dict[str, Any]:
    """Create, list or revoke keys.

    Args:
        variables: the process's environment.
        request: `action`; for `create` also `name`, `scopes`, and perhaps `days` until it expires,
            `budget` in US dollars a month, and `repositories` that it reaches; for `revoke` the
            key's `prefix`.
        actor: who asks, for the audit log.

    Returns:
        The new key in the clear as `key`, all `keys`, or the `prefix` that was revoked.

    Raises:
        InvalidInputError: the request has another form.
        NotFoundError: there is no such key.
    """
    core = Core(load_settings(variables, needed=("KOVA_DATABASE_URL",)))
    try:
        access = AccessRoot(core)
        match request.get("action"):
            case "create":
                return {"key": await _create(access, request, actor)}
            case "list":
                return {"keys": [_describe(key) for key in await access.keys.list()]}
            case "revoke":
                prefix = _text(request, "prefix").removeprefix("kova_")
                await access.manage_keys.revoke(actor=actor, prefix=prefix)
                return {"prefix": prefix}
            case _:
                names = ", ".join(_ACTIONS)
                raise InvalidInputError(f"`action` is one of {names}.", field="action")
    finally:
        await core.close()


async def _create(access: AccessRoot, request: Mapping[str, Any], actor: str) -> str:
    scopes = request.get("scopes")
    if not isinstance(scopes, list) or not all(scope in set(Scope) for scope in scopes):
        raise InvalidInputError(f"`scopes` is a list of {', '.join(Scope)}.", field="scopes")
    days = request.get("days")
    if days is not None and (not isinstance(days, int) or not 1 <= days <= _MOST_DAYS):
        raise InvalidInputError(f"`days` is a number from 1 to {_MOST_DAYS}.", field="days")
    created = await access.manage_keys.create(
        actor=actor,
        name=_text(request, "name"),
        scopes=frozenset(Scope(scope) for scope in scopes),
        expires_at=now() + timedelta(days=days) if days is not None else None,
        monthly_budget_usd=_budget(request.get("budget")),
        reach=_reach(request.get("repositories")),
    )
    return created.plaintext


def _budget(text: object) -> Decimal | None:
    if text is None:
        return None
    try:
        budget = Decimal(str(text))
    except InvalidOperation:
        budget = Decimal(-1)
    if not budget.is_finite() or not 0 <= budget <= MOST_BUDGET_USD or budget % _SMALLEST:
        raise InvalidInputError(
            f"`budget` is an amount of US dollars from 0 to {MOST_BUDGET_USD}, "
            "to a hundredth of a cent.",
            field="budget",
        )
    return budget


def _reach(names: object) -> Reach:
    if names is None:
        return EVERYTHING
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidInputError("`repositories` is a list of names.", field="repositories")
    return reach_of(names)


def _text(request: Mapping[str, Any], name: str) -> str:
    text = request.get(name)
    if not isinstance(text, str):
        raise InvalidInputError(f"`{name}` is a text.", field=name)
    return text


def _describe(key: ApiKey) -> dict[str, Any]:
    moments = {
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }
    return {
        "prefix": key.prefix,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "repositories": None if key.reach.names is None else sorted(key.reach.names),
        **{name: moment.isoformat() if moment else None for name, moment in moments.items()},
    }
