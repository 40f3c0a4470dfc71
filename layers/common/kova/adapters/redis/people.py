"""Sessions of people and values that are read once, in Redis: a secret is there as a hash only."""

from __future__ import annotations

import builtins
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from kova.access.identity import LOCAL, Identity
from kova.access.person import IDLE, PersonSession
from kova.access.subject import Role
from kova.adapters.redis import keys
from kova.adapters.redis.connection import Redis, translate_errors
from kova.shared.reach import reach_of

_IDLE_SECONDS: Final = int(IDLE.total_seconds())
_CHANGE_SECONDS: Final = int(timedelta(minutes=15).total_seconds())
_NEVER: Final = datetime.min.replace(tzinfo=UTC).isoformat()
_INDEX_SECONDS: Final = int(timedelta(days=31).total_seconds())


class RedisPeopleSessions:
    """Implements access.ports.PeopleSessions.

    A session is one key, which ends when nobody uses it; the ids of a person's sessions are a set,
    in which those that ended stay until the person's list is read.
    """

    def __init__(
        self, redis: Redis, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._client = redis.client
        self._now = now

    async def add(self, session: PersonSession) -> None:
        """Store a session."""
        index = keys.person_sessions(session.identity.actor)
        with translate_errors():
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.set(keys.person_session(session.id), _record(session), ex=_IDLE_SECONDS)
                pipe.sadd(index, session.id)
                pipe.expire(index, _INDEX_SECONDS)
                await pipe.execute()

    async def get(self, session_id: str) -> PersonSession | None:
        """Find a session and note its use, in one round trip."""
        with translate_errors():
            record = await self._client.getex(keys.person_session(session_id), ex=_IDLE_SECONDS)
        return self._live(record)

    async def update(self, session: PersonSession) -> None:
        """Store what has changed, unless the session was revoked meanwhile."""
        with translate_errors():
            await self._client.set(
                keys.person_session(session.id), _record(session), xx=True, keepttl=True
            )

    async def claim_confirmation(self, session_id: str, lease: timedelta) -> bool:
        """True for one caller."""
        name = keys.session_confirmation(session_id)
        milliseconds = int(lease.total_seconds() * 1_000)
        with translate_errors():
            return bool(await self._client.set(name, b"1", nx=True, px=milliseconds))

    async def note_change(self) -> None:
        """Note the moment, for longer than a confirmation counts."""
        moment = self._now().isoformat()
        with translate_errors():
            await self._client.set(keys.rights_change(), moment, ex=_CHANGE_SECONDS)

    async def changed_at(self) -> datetime | None:
        """Return the moment that was noted last."""
        with translate_errors():
            record = await self._client.get(keys.rights_change())
        if record is None:
            return None
        text = record.decode() if isinstance(record, bytes) else record
        return datetime.fromisoformat(text)

    async def revoke(self, session_id: str, actor: str) -> bool:
        """End a session."""
        with translate_errors():
            session = self._live(await self._client.get(keys.person_session(session_id)))
            if session is None or session.identity.actor != actor:
                return False
            ended = await self._client.delete(keys.person_session(session_id))
        await self._forget(session)
        return bool(ended)

    async def list(self, actor: str) -> builtins.list[PersonSession]:
        """List a person's sessions, and forget the ids of those that ended."""
        index = keys.person_sessions(actor)
        with translate_errors():
            members = await self._client.smembers(index)
            names = [name.decode() for name in members if isinstance(name, bytes)]
            if not names:
                return []
            records = await self._client.mget([keys.person_session(name) for name in names])
            sessions = {
                name: self._live(record) for name, record in zip(names, records, strict=True)
            }
            ended = [name for name, session in sessions.items() if session is None]
            if ended:
                await self._client.srem(index, *ended)
        own = [
            session
            for session in sessions.values()
            if session is not None and session.identity.actor == actor
        ]
        return sorted(own, key=lambda session: session.created_at, reverse=True)

    async def _forget(self, session: PersonSession) -> None:
        with translate_errors():
            await self._client.srem(keys.person_sessions(session.identity.actor), session.id)

    def _live(self, record: bytes | str | None) -> PersonSession | None:
        if record is None:
            return None
        session = _session(json.loads(record))
        return session if self._now() < session.expires_at else None


class RedisOneTimeValues:
    """Implements access.ports.OneTimeValues."""

    def __init__(self, redis: Redis) -> None:
        self._client = redis.client

    async def keep(
        self, kind: str, secret: str, values: Mapping[str, str], lifetime: timedelta
    ) -> None:
        """Keep values."""
        seconds = int(lifetime.total_seconds())
        with translate_errors():
            await self._client.set(
                keys.one_time(kind, secret), json.dumps(dict(values)), ex=seconds
            )

    async def look(self, kind: str, secret: str) -> dict[str, str] | None:
        """Return values that stay."""
        with translate_errors():
            return _values(await self._client.get(keys.one_time(kind, secret)))

    async def take(self, kind: str, secret: str) -> dict[str, str] | None:
        """Return values once: reading and deleting are one command."""
        with translate_errors():
            return _values(await self._client.getdel(keys.one_time(kind, secret)))


def _values(record: bytes | str | None) -> dict[str, str] | None:
    if record is None:
        return None
    values: dict[str, str] = json.loads(record)
    return values


def _record(session: PersonSession) -> str:
    identity = session.identity
    reach = identity.reach.names
    return json.dumps(
        {
            "id": session.id,
            "provider": identity.provider,
            "actor": identity.actor,
            "name": identity.name,
            "reach": None if reach is None else sorted(reach),
            "hosted_domain": identity.hosted_domain,
            "created_at": session.created_at.isoformat(),
            "expires_at": session.expires_at.isoformat(),
            "confirmed_at": session.confirmed_at.isoformat(),
            "browser": session.browser,
            "sealed_token": session.sealed_token,
            # For the release before this: its rules say the role of all but the owner.
            "role": Role.ADMIN if identity.provider == LOCAL else Role.VIEWER,
        }
    )


def _session(values: Mapping[str, Any]) -> PersonSession:
    actor: str = values["actor"]
    return PersonSession(
        id=values["id"],
        identity=Identity(
            # The release before this stored neither provider, confirmation nor token.
            provider=values.get("provider", actor.partition(":")[0]),
            actor=actor,
            name=values["name"],
            reach=reach_of(values["reach"]),
            hosted_domain=values.get("hosted_domain"),
        ),
        created_at=datetime.fromisoformat(values["created_at"]),
        expires_at=datetime.fromisoformat(values["expires_at"]),
        confirmed_at=datetime.fromisoformat(values.get("confirmed_at", _NEVER)),
        browser=values["browser"],
        sealed_token=values.get("sealed_token"),
    )
