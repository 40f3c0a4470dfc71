"""Sessions of people and values that are read once, in Redis: a secret is there as a hash only."""

from __future__ import annotations

import builtins
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from kova.access.identity import Identity
from kova.access.person import IDLE, PersonSession
from kova.adapters.redis import keys
from kova.adapters.redis.connection import Redis, translate_errors
from kova.shared.reach import reach_of

_IDLE_SECONDS: Final = int(IDLE.total_seconds())
_CHANGE_SECONDS: Final = int(timedelta(minutes=15).total_seconds())
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
        self._seal = redis.seal
        self._now = now

    async def add(self, session: PersonSession) -> None:
        """Store a session."""
        name = keys.person_session(session.id)
        index = keys.person_sessions(session.identity.actor)
        with translate_errors():
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.set(name, self._seal.close(name, _record(session)), ex=_IDLE_SECONDS)
                pipe.sadd(index, session.id)
                pipe.expire(index, _INDEX_SECONDS)
                await pipe.execute()

    async def get(self, session_id: str) -> PersonSession | None:
        """Find a session and note its use, in one round trip."""
        name = keys.person_session(session_id)
        with translate_errors():
            record = await self._client.getex(name, ex=_IDLE_SECONDS)
        return self._live(name, record)

    async def update(self, session: PersonSession) -> None:
        """Store what has changed, unless the session was revoked meanwhile."""
        name = keys.person_session(session.id)
        record = self._seal.close(name, _record(session))
        with translate_errors():
            await self._client.set(name, record, xx=True, keepttl=True)

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
        """Return the moment that was noted last.

        It is not sealed, since workers without the signing key note it: whoever writes to Redis can
        make a provider be asked more often, and nothing else.
        """
        with translate_errors():
            record = await self._client.get(keys.rights_change())
        return _moment(record, self._now())

    async def revoke(self, session_id: str, actor: str) -> bool:
        """End a session."""
        name = keys.person_session(session_id)
        with translate_errors():
            session = self._live(name, await self._client.get(name))
            if session is None or session.identity.actor != actor:
                return False
            ended = await self._client.delete(name)
        await self._forget(session)
        return bool(ended)

    async def list(self, actor: str) -> builtins.list[PersonSession]:
        """List a person's sessions, and forget the ids of those that ended."""
        index = keys.person_sessions(actor)
        with translate_errors():
            members = await self._client.smembers(index)
            ids = [
                member.decode("utf-8", "surrogateescape")
                for member in members
                if isinstance(member, bytes)
            ]
            if not ids:
                return []
            names = [keys.person_session(session_id) for session_id in ids]
            records = await self._client.mget(names)
            sessions = {
                session_id: self._live(name, record)
                for session_id, name, record in zip(ids, names, records, strict=True)
            }
            ended = [session_id for session_id, session in sessions.items() if session is None]
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

    def _live(self, name: str, record: bytes | str | None) -> PersonSession | None:
        text = self._seal.open(name, record)
        if text is None:
            return None
        session = _session(json.loads(text))
        return session if self._now() < session.expires_at else None


class RedisOneTimeValues:
    """Implements access.ports.OneTimeValues."""

    def __init__(self, redis: Redis) -> None:
        self._client = redis.client
        self._seal = redis.seal

    async def keep(
        self, kind: str, secret: str, values: Mapping[str, str], lifetime: timedelta
    ) -> None:
        """Keep values."""
        name = keys.one_time(kind, secret)
        record = self._seal.close(name, json.dumps(dict(values)))
        with translate_errors():
            await self._client.set(name, record, ex=int(lifetime.total_seconds()))

    async def look(self, kind: str, secret: str) -> dict[str, str] | None:
        """Return values that stay."""
        name = keys.one_time(kind, secret)
        with translate_errors():
            return self._values(name, await self._client.get(name))

    async def take(self, kind: str, secret: str) -> dict[str, str] | None:
        """Return values once: reading and deleting are one command."""
        name = keys.one_time(kind, secret)
        with translate_errors():
            return self._values(name, await self._client.getdel(name))

    def _values(self, name: str, record: bytes | str | None) -> dict[str, str] | None:
        text = self._seal.open(name, record)
        if text is None:
            return None
        values: dict[str, str] = json.loads(text)
        return values


def _moment(record: bytes | str | None, now: datetime) -> datetime | None:
    """Read a moment of the past with a time zone; None for anything else."""
    if not isinstance(record, bytes):
        return None
    try:
        moment = datetime.fromisoformat(record.decode("ascii"))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None and moment <= now else None


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
        }
    )


def _session(values: Mapping[str, Any]) -> PersonSession:
    return PersonSession(
        id=values["id"],
        identity=Identity(
            provider=values["provider"],
            actor=values["actor"],
            name=values["name"],
            reach=reach_of(values["reach"]),
            hosted_domain=values["hosted_domain"],
        ),
        created_at=datetime.fromisoformat(values["created_at"]),
        expires_at=datetime.fromisoformat(values["expires_at"]),
        confirmed_at=datetime.fromisoformat(values["confirmed_at"]),
        browser=values["browser"],
        sealed_token=values["sealed_token"],
    )
