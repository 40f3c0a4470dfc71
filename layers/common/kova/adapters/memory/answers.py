"""Answers to reuse, in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from kova.adapters.memory.availability import Switchable
from kova.adapters.memory.clock import Clock
from kova.commands.command import Command, CommandRequest
from kova.models.outcome import Outcome
from kova.shared.exceptions import RedisUnavailableError

_LIFETIME: Final = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class _CachedAnswer:
    command: Command
    expires_at: datetime


class MemoryAnswerCache(Switchable):
    """Implements commands.ports.AnswerCache."""

    outage = RedisUnavailableError

    def __init__(self, now: Callable[[], datetime] | None = None) -> None:
        self._now = now or Clock()
        self._answers: dict[str, _CachedAnswer] = {}

    async def find(self, identities: Sequence[str]) -> Command | None:
        """Return the first cached command of these identities; None if there is none."""
        self.check()
        for identity in identities:
            cached = self._answers.get(identity)
            if cached is not None and cached.expires_at > self._now():
                return cached.command
        return None

    async def keep(self, identity: str, command: Command) -> None:
        """Cache an answer for an hour, with nothing that belongs to the one who asked."""
        self.check()
        now = self._now()
        anonymous = Command(
            id="",
            api_key_id=None,
            request=CommandRequest(command=""),
            task=command.task,
            outcome=Outcome.OK,
            created_at=now,
            provider=command.provider,
            model=command.model,
            answer=command.answer,
            usage=command.usage,
            cached=True,
        )
        self._answers[identity] = _CachedAnswer(command=anonymous, expires_at=now + _LIFETIME)
