"""Admissions in Redis: exact across all processes, in one round trip."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from importlib.resources import files
from typing import Any, Final

from kova.access.admission import KEY_SECONDS, VALID_SECONDS, Admission, Caller
from kova.access.api_key import ApiKey, Scope
from kova.access.rate_limit import Verdict
from kova.adapters.redis import keys
from kova.adapters.redis.connection import Redis, translate_errors
from kova.shared.reach import reach_of

_MOST_AGE: Final = 60.0
"""Seconds after which a record that somebody put back does not count; clocks differ by less."""
_TIMES: Final = ("created_at", "expires_at", "revoked_at", "last_used_at")


class RedisAdmissions:
    """Implements access.ports.Admissions."""

    def __init__(
        self,
        redis: Redis,
        *,
        on_lookup: Callable[[bool], None] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`on_lookup` is called with whether a valid key was remembered here."""
        self._client = redis.client
        self._seal = redis.seal
        self._now = now
        self._on_lookup = on_lookup
        source = (files("kova.adapters.redis") / "admit.lua").read_text()
        self._script = redis.client.register_script(source)

    async def admit(
        self, caller: Caller, remember: ApiKey | None = None, *, gives_back: bool = False
    ) -> Admission:
        """Count one call."""
        credentials = caller.credentials
        prefix = credentials.prefix if credentials else ""
        key_name = keys.api_key(prefix)
        arguments: list[str | int] = [
            credentials.secret_hash.hex() if credentials else "",
            *(caller.policy.quota, caller.policy.window * 1000),
            *(caller.anonymous.quota, caller.anonymous.window * 1000),
            self._record(key_name, remember) if remember else "",
            *(KEY_SECONDS * 1000, VALID_SECONDS * 1000, "1" if gives_back else ""),
        ]
        names = [
            key_name,
            keys.rate_limit(caller.policy.name, prefix),
            keys.rate_limit(caller.anonymous.name, caller.address),
            keys.valid_api_key(prefix, credentials.secret_hash if credentials else b""),
        ]
        with translate_errors():
            kind, record, allowed, remaining, reset = await self._script(keys=names, args=arguments)
        key = self._key(key_name, record) if kind == b"key" else None
        if kind == b"key" and key is None:
            return Admission(key=None, verdict=None)  # Not ours: it is looked up and written over.
        # A key that nobody has is neither: whoever guesses keys would set the ratio.
        if self._on_lookup and (remember is not None or kind == b"key"):
            self._on_lookup(remember is None)
        if kind == b"known":
            return Admission(key=None, verdict=None)
        verdict = Verdict(
            policy=caller.policy if kind == b"key" else caller.anonymous,
            allowed=bool(allowed),
            remaining=int(remaining),
            reset=int(reset) / 1000,
        )
        if kind == b"unknown":
            return Admission(key=None, verdict=None, look_up=verdict)
        return Admission(key=key, verdict=verdict)

    async def forget(self, prefix: str) -> None:
        """Forget a key."""
        with translate_errors():
            await self._client.delete(keys.api_key(prefix))

    def _record(self, name: str, key: ApiKey) -> str:
        until = self._now() + _MOST_AGE
        return self._seal.close(name, json.dumps({"until": until, **_values(key)}))

    def _key(self, name: str, record: bytes) -> ApiKey | None:
        text = self._seal.open(name, record)
        if text is None:
            return None
        values = json.loads(text)
        return _key(values) if self._now() < values["until"] else None


def _values(key: ApiKey) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "secret_hash": key.secret_hash.hex(),
        "scopes": sorted(key.scopes),
        "budget": str(key.monthly_budget_usd) if key.monthly_budget_usd is not None else None,
        "reach": None if key.reach.names is None else sorted(key.reach.names),
    }
    for name in _TIMES:
        moment: datetime | None = getattr(key, name)
        values[name] = moment.isoformat() if moment else None
    return values


def _key(values: Mapping[str, Any]) -> ApiKey:
    times = {name: datetime.fromisoformat(values[name]) for name in _TIMES if values[name]}
    return ApiKey(
        id=values["id"],
        name=values["name"],
        prefix=values["prefix"],
        secret_hash=bytes.fromhex(values["secret_hash"]),
        scopes=frozenset(Scope(scope) for scope in values["scopes"]),
        monthly_budget_usd=Decimal(values["budget"]) if values["budget"] is not None else None,
        reach=reach_of(values["reach"]),
        **times,
    )
