"""Sessions of people and values that are read once, in memory."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from kova.access.person import IDLE, PersonSession
from kova.adapters.memory.availability import Switchable
from kova.adapters.memory.clock import Clock
from kova.shared.exceptions import RedisUnavailableError


class MemoryPeopleSessions(Switchable):
    """Implements access.ports.PeopleSessions."""

    outage = RedisUnavailableError

    def __init__(self, now: Callable[[], datetime] | None = None) -> None:
        self._now = now or Clock()
        self._sessions: dict[str, tuple[datetime, PersonSession]] = {}
        self._claims: dict[str, datetime] = {}
        self._changed_at: datetime | None = None

    async def add(self, session: PersonSession) -> None:
        """Store a session."""
        self.check()
        self._sessions[session.id] = (self._now() + IDLE, session)

    async def get(self, session_id: str) -> PersonSession | None:
        """Find a session and note its use."""
        self.check()
        session = self._live(session_id)
        if session is not None:
            self._sessions[session.id] = (self._now() + IDLE, session)
        return session

    async def update(self, session: PersonSession) -> None:
        """Store what has changed."""
        self.check()
        if self._live(session.id) is not None:
            idle_until, _ = self._sessions[session.id]
            self._sessions[session.id] = (idle_until, session)

    async def claim_confirmation(self, session_id: str, lease: timedelta) -> bool:
        """True for one caller."""
        self.check()
        now = self._now()
        if now < self._claims.get(session_id, now):
            return False
        self._claims[session_id] = now + lease
        return True

    async def note_change(self) -> None:
        """Note the moment."""
        self.check()
        self._changed_at = self._now()

    async def changed_at(self) -> datetime | None:
        """Return the moment that was noted last."""
        self.check()
        return self._changed_at

    async def revoke(self, session_id: str, actor: str) -> bool:
        """End a session."""
        self.check()
        session = self._live(session_id)
        if session is None or session.identity.actor != actor:
            return False
        del self._sessions[session_id]
        return True

    async def list(self, actor: str) -> builtins.list[PersonSession]:
        """List a person's sessions."""
        self.check()
        sessions = [self._live(name) for name in builtins.list(self._sessions)]
        own = [each for each in sessions if each is not None and each.identity.actor == actor]
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
