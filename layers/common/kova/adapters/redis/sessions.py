"""Conversations in Redis, each bound to the API key that began it."""

from __future__ import annotations

import json
from collections.abc import Sequence
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
        self._client = redis.client

    async def open(self, session_id: str, api_key_id: str) -> tuple[Message, ...]:
        """Begin it or go on with it, in one round trip."""
        owner, turns = keys.session_owner(session_id), keys.session_turns(session_id)
        with translate_errors():
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.set(owner, api_key_id, nx=True, ex=LIFETIME_SECONDS)
                pipe.get(owner)
                pipe.lrange(turns, 0, -1)
                _, owner_id, texts = await pipe.execute()
        if owner_id is None or owner_id.decode() != api_key_id:
            raise NotFoundError("There is no such session.")
        return tuple(Message(**json.loads(text)) for text in texts)

    async def append(self, session_id: str, api_key_id: str, turns: Sequence[Message]) -> None:
        """Add turns; the oldest ones beyond a limit go."""
        owner, name = keys.session_owner(session_id), keys.session_turns(session_id)
        texts = [json.dumps({"role": turn.role, "text": turn.text}) for turn in turns]
        with translate_errors():
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.set(owner, api_key_id, ex=LIFETIME_SECONDS)
                pipe.rpush(name, *texts)
                pipe.ltrim(name, -_MOST_TURNS, -1)
                pipe.expire(name, LIFETIME_SECONDS)
                await pipe.execute()
