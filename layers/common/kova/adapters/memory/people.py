"""Sessions of people and values that are read once, in memory."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from kova.access.person import (
    IDLE,
    OpenedSession,
    Person,
    PersonSession,
    new_token,
    session_id,
)
from kova.adapters.memory.availability import Switchable
from kova.adapters.memory.clock import Clock
from kova.shared.exceptions import RedisUnavailableError


class MemoryPeopleSessions(Switchable):
    """Implements access.ports.PeopleSessions."""

    outage = RedisUnavailableError

    def __init__(self, now: Callable[[], datetime] | None = None) -> None:
        self._now = now or Clock()
        self._sessions: dict[str, tuple[datetime, PersonSession]] = {}

    async def create(self, person: Person, *, lifetime: timedelta, browser: str) -> OpenedSession:
        """Begin a session."""
        self.check()
        now, token = self._now(), new_token()
        session = PersonSession(
            id=session_id(token),
            person=person,
            created_at=now,
            expires_at=now + lifetime,
            browser=browser,
        )
        self._sessions[session.id] = (now + IDLE, session)
        return OpenedSession(token=token, session=session)

    async def get(self, token: str) -> PersonSession | None:
        """Find a session and note its use."""
        self.check()
        session = self._live(session_id(token))
        if session is not None:
            self._sessions[session.id] = (self._now() + IDLE, session)
        return session

    async def rotate(self, token: str) -> OpenedSession | None:
        """Give a session a new token."""
        self.check()
        session = self._live(session_id(token))
        if session is None:
            return None
        del self._sessions[session.id]
        token = new_token()
        session = replace(session, id=session_id(token))
        self._sessions[session.id] = (self._now() + IDLE, session)
        return OpenedSession(token=token, session=session)

    async def revoke(self, session_id: str, actor: str) -> bool:
        """End a session."""
        self.check()
        session = self._live(session_id)
        if session is None or session.person.actor != actor:
            return False
        del self._sessions[session_id]
        return True

    async def list(self, actor: str) -> builtins.list[PersonSession]:
        """List a person's sessions."""
        self.check()
        sessions = [self._live(name) for name in builtins.list(self._sessions)]
        own = [each for each in sessions if each is not None and each.person.actor == actor]
        return sorted(own, key=lambda session: session.created_at, reverse=True)

    def _live(self, name: str) -> PersonSession | None:
        idle_until, session = self._sessions.get(name, (None, None))
        if session is None or idle_until is None:
            return None
        return session if self._now() < min(idle_until, session.expires_at) else None


class MemoryOneTimeValues(Switchable):
    """Implements access.ports.OneTimeValues."""

    outage = RedisUnavailableError

    def __init__(self, now: Callable[[], datetime] | None = None) -> None:
        self._now = now or Clock()
        self._values: dict[tuple[str, str], tuple[datetime, dict[str, str]]] = {}

    async def keep(
        self, kind: str, secret: str, values: Mapping[str, str], lifetime: timedelta
    ) -> None:
        """Keep values."""
        self.check()
        self._values[kind, secret] = (self._now() + lifetime, dict(values))

    async def look(self, kind: str, secret: str) -> dict[str, str] | None:
        """Return values that stay."""
        self.check()
        until, values = self._values.get((kind, secret), (None, None))
        return values if until is not None and self._now() < until else None

    async def take(self, kind: str, secret: str) -> dict[str, str] | None:
        """Return values once."""
        self.check()
        until, values = self._values.pop((kind, secret), (None, None))
        return values if until is not None and self._now() < until else None
