"""Sessions of people and values that are read once, in Redis: a secret is there as a hash only."""

from __future__ import annotations

import builtins
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from kova.access.person import (
    IDLE,
    OpenedSession,
    Person,
    PersonSession,
    new_token,
    session_id,
)
from kova.access.subject import Role
from kova.adapters.redis import keys
from kova.adapters.redis.connection import Redis, translate_errors
from kova.shared.reach import reach_of

_IDLE_SECONDS: Final = int(IDLE.total_seconds())
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

    async def create(self, person: Person, *, lifetime: timedelta, browser: str) -> OpenedSession:
        """Begin a session."""
        now, token = self._now(), new_token()
        session = PersonSession(
            id=session_id(token),
            person=person,
            created_at=now,
            expires_at=now + lifetime,
            browser=browser,
        )
        await self._write(session)
        return OpenedSession(token=token, session=session)

    async def get(self, token: str) -> PersonSession | None:
        """Find a session and note its use, in one round trip."""
        with translate_errors():
            record = await self._client.getex(
                keys.person_session(session_id(token)), ex=_IDLE_SECONDS
            )
        return self._live(record)

    async def rotate(self, token: str) -> OpenedSession | None:
        """Give a session a new token."""
        with translate_errors():
            # Of two calls at once only one gets the record.
            record = await self._client.getdel(keys.person_session(session_id(token)))
        session = self._live(record)
        if session is None:
            return None
        await self._forget(session)
        token = new_token()
        session = replace(session, id=session_id(token))
        await self._write(session)
        return OpenedSession(token=token, session=session)

    async def revoke(self, session_id: str, actor: str) -> bool:
        """End a session."""
        with translate_errors():
            session = self._live(await self._client.get(keys.person_session(session_id)))
            if session is None or session.person.actor != actor:
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
            if session is not None and session.person.actor == actor
        ]
        return sorted(own, key=lambda session: session.created_at, reverse=True)

    async def _write(self, session: PersonSession) -> None:
        index = keys.person_sessions(session.person.actor)
        with translate_errors():
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.set(keys.person_session(session.id), _record(session), ex=_IDLE_SECONDS)
                pipe.sadd(index, session.id)
                pipe.expire(index, _INDEX_SECONDS)
                await pipe.execute()

    async def _forget(self, session: PersonSession) -> None:
        with translate_errors():
            await self._client.srem(keys.person_sessions(session.person.actor), session.id)

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
    person = session.person
    return json.dumps(
        {
            "id": session.id,
            "actor": person.actor,
            "name": person.name,
            "role": person.role,
            "reach": None if person.reach.names is None else sorted(person.reach.names),
            "hosted_domain": person.hosted_domain,
            "created_at": session.created_at.isoformat(),
            "expires_at": session.expires_at.isoformat(),
            "browser": session.browser,
        }
    )


def _session(values: Mapping[str, Any]) -> PersonSession:
    return PersonSession(
        id=values["id"],
        person=Person(
            actor=values["actor"],
            name=values["name"],
            role=Role(values["role"]),
            reach=reach_of(values["reach"]),
            # The release before this did not store it: its people sign in anew.
            hosted_domain=values.get("hosted_domain"),
        ),
        created_at=datetime.fromisoformat(values["created_at"]),
        expires_at=datetime.fromisoformat(values["expires_at"]),
        browser=values["browser"],
    )
