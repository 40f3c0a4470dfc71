"""Answers to reuse, in Redis: what can be made again, and lives for an hour."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from kova.adapters.redis import keys
from kova.adapters.redis.connection import Redis, translate_errors
from kova.commands.answer_values import answer_from_values, answer_to_values
from kova.commands.command import Command, CommandRequest
from kova.models.outcome import Outcome
from kova.models.provider import Provider, Task
from kova.models.usage import TokenUsage

LIFETIME_SECONDS: Final = 3_600


class RedisAnswerCache:
    """Implements commands.ports.AnswerCache."""

    def __init__(self, redis: Redis) -> None:
        self._client = redis.client
        self._seal = redis.seal

    async def find(self, identities: Sequence[str]) -> Command | None:
        """Ask for all of them in one round trip."""
        names = [keys.answer(identity) for identity in identities]
        with translate_errors():
            records = await self._client.mget(names)
        for name, record in zip(names, records, strict=True):
            text = self._seal.open(name, record)
            if text is not None:
                return _command(json.loads(text))
        return None

    async def keep(self, identity: str, command: Command) -> None:
        """Write it with its time to live."""
        assert command.answer is not None
        assert command.provider is not None
        value = {
            "task": command.task,
            "provider": command.provider,
            "model": command.model,
            **answer_to_values(command.answer),
            "input_tokens": command.usage.input_tokens,
            "output_tokens": command.usage.output_tokens,
        }
        name = keys.answer(identity)
        record = self._seal.close(name, json.dumps(value))
        with translate_errors():
            await self._client.set(name, record, ex=LIFETIME_SECONDS)


def _command(value: dict[str, Any]) -> Command:
    return Command(
        id="",
        api_key_id=None,
        request=CommandRequest(command=""),
        task=Task(value["task"]),
        outcome=Outcome.OK,
        created_at=datetime.now(UTC),
        provider=Provider(value["provider"]),
        model=value["model"],
        answer=answer_from_values(value),
        usage=TokenUsage(input_tokens=value["input_tokens"], output_tokens=value["output_tokens"]),
        cached=True,
    )
