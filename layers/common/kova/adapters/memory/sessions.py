"""Conversations with models, in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from kova.adapters.memory.availability import Switchable
from kova.adapters.memory.clock import Clock
from kova.models.prompt import Message
from kova.shared.exceptions import NotFoundError, RedisUnavailableError

_LIFETIME: Final = timedelta(hours=1)
_MOST_TURNS: Final = 40


@dataclass(frozen=True, kw_only=True)
class _Session:
    api_key_id: str
    expires_at: datetime
    turns: tuple[Message, ...] = ()


class MemorySessionStore(Switchable):
    """Implements commands.ports.SessionStore."""

    outage = RedisUnavailableError

    def __init__(self, now: Callable[[], datetime] | None = None) -> None:
        self._now = now or Clock()
        self._sessions: dict[str, _Session] = {}

    async def open(self, session_id: str, api_key_id: str) -> tuple[Message, ...]:
        """Return the turns of a session; a new session has none."""
        self.check()
        session = self._live(session_id)
        if session is None:
            expires_at = self._now() + _LIFETIME
            session = _Session(api_key_id=api_key_id, expires_at=expires_at)
            self._sessions[session_id] = session
        if session.api_key_id != api_key_id:
            raise NotFoundError("There is no such session.")
        return session.turns

    async def append(self, session_id: str, api_key_id: str, turns: Sequence[Message]) -> None:
        """Add turns and prolong the session's life; the oldest turns beyond a limit go.

        Nothing is added where another key has begun a session of this name meanwhile.
        """
        self.check()
        session = self._live(session_id)
        if session is not None and session.api_key_id != api_key_id:
            return
        earlier = session.turns if session is not None else ()
        self._sessions[session_id] = _Session(
            api_key_id=api_key_id,
            expires_at=self._now() + _LIFETIME,
            turns=(*earlier, *turns)[-_MOST_TURNS:],
        )

    def _live(self, session_id: str) -> _Session | None:
        session = self._sessions.get(session_id)
        return session if session is not None and session.expires_at > self._now() else None
