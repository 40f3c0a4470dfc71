"""Conversations in Redis, each bound to the API key that began it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Final

from kova.adapters.redis import keys
from kova.adapters.redis.connection import Redis, translate_errors
from kova.models.prompt import Message
from kova.shared.exceptions import NotFoundError

LIFETIME_SECONDS: Final = 3_600
_MOST_TURNS: Final = 40


class RedisSessionStore:
    """Implements commands.ports.SessionStore.

    A session is two keys: its owner, written once, and the list of its turns.
    """

    def __init__(self, redis: Redis) -> None:
        self._seal = redis.seal
        scripts = files("kova.adapters.redis")
        self._begin = redis.client.register_script((scripts / "begin_session.lua").read_text())
        self._add = redis.client.register_script((scripts / "add_turns.lua").read_text())

    async def open(self, session_id: str, api_key_id: str) -> tuple[Message, ...]:
        """Begin it or go on with it, in one round trip."""
        owner, turns = keys.session_owner(session_id), keys.session_turns(session_id)
        arguments: list[str | int] = [self._seal.close(owner, api_key_id), LIFETIME_SECONDS]
        with translate_errors():
            records = await self._begin(keys=[owner, turns], args=arguments)
        if records is None:
            raise NotFoundError("There is no such session.")
        texts = [self._seal.open(turns, record) for record in records]
        return tuple(Message(**json.loads(text)) for text in texts if text is not None)

    async def append(self, session_id: str, api_key_id: str, turns: Sequence[Message]) -> None:
        """Add turns; the oldest ones beyond a limit go, and all if another key owns it by now."""
        owner, name = keys.session_owner(session_id), keys.session_turns(session_id)
        records = [
            self._seal.close(name, json.dumps({"role": turn.role, "text": turn.text}))
            for turn in turns
        ]
        arguments: list[str | int] = [
            *(self._seal.close(owner, api_key_id), LIFETIME_SECONDS, _MOST_TURNS),
            *records,
        ]
        with translate_errors():
            await self._add(keys=[owner, name], args=arguments)
