"""One suite for cached answers in Redis and their twin in memory."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from kova.adapters.memory.answers import MemoryAnswerCache
from kova.adapters.memory.clock import Clock
from kova.adapters.redis import keys
from kova.adapters.redis.answers import LIFETIME_SECONDS, RedisAnswerCache
from kova.adapters.redis.connection import Redis
from kova.commands.command import Answer, Citation, Command, CommandRequest, ReviewFinding
from kova.commands.ports import AnswerCache
from kova.models.outcome import Outcome
from kova.models.provider import Provider, Task
from kova.models.usage import TokenUsage
from kova.shared.exceptions import RedisUnavailableError
from tests.support.services import services_in_force


@pytest.fixture(params=["memory", "redis"])
async def cache(request: pytest.FixtureRequest) -> AsyncIterator[AnswerCache]:
    if request.param == "memory":
        yield MemoryAnswerCache()
        return
    redis = Redis(services_in_force()["KOVA_REDIS_URL"], timeout=30)
    yield RedisAnswerCache(redis)
    await redis.close()


def answered(output: str = "Because.") -> Command:
    return Command(
        id=str(uuid.uuid4()),
        api_key_id=str(uuid.uuid4()),
        request=CommandRequest(command="a private question", repository="octo/private"),
        task=Task.REVIEW,
        outcome=Outcome.OK,
        created_at=datetime.now(UTC),
        provider=Provider.ANTHROPIC,
        model="m-1",
        answer=Answer(
            output=output,
            citations=(Citation(path="é.py", start_line=1, end_line=2),),
            findings=(
                ReviewFinding(path="a", start_line=1, end_line=1, severity="low", message="m"),
            ),
            dropped=1,
        ),
        usage=TokenUsage(input_tokens=3, output_tokens=4),
        cost_usd=Decimal("0.5"),
        session_id="s",
        duration_ms=900,
    )


def identity() -> str:
    return f"review:m-1:{uuid.uuid4()}"


async def test_a_cached_answer_comes_back_with_its_model_and_costs_nothing(
    cache: AnswerCache,
) -> None:
    name, command = identity(), answered()
    await cache.keep(name, command)
    cached = await cache.find([name])
    assert cached is not None
    assert (cached.answer, cached.usage) == (command.answer, command.usage)
    assert (cached.provider, cached.model) == (command.provider, command.model)
    assert (cached.task, cached.outcome, cached.cached) == (Task.REVIEW, Outcome.OK, True)
    assert cached.cost_usd == 0


async def test_nothing_of_the_one_who_asked_is_cached(cache: AnswerCache) -> None:
    name = identity()
    await cache.keep(name, answered())
    cached = await cache.find([name])
    assert cached is not None
    assert cached.request == CommandRequest(command="")
    assert (cached.id, cached.api_key_id, cached.session_id) == ("", None, None)


async def test_of_several_identities_the_first_one_that_is_cached_answers(
    cache: AnswerCache,
) -> None:
    first, second = identity(), identity()
    await cache.keep(second, answered("second"))
    assert await cache.find([first]) is None
    cached = await cache.find([first, second])
    assert cached is not None
    assert cached.answer == answered("second").answer
    await cache.keep(first, answered("first"))
    cached = await cache.find([first, second])
    assert cached is not None
    assert cached.answer == answered("first").answer


async def test_a_later_answer_replaces_the_earlier_one(cache: AnswerCache) -> None:
    name = identity()
    for output in ("old", "new"):
        await cache.keep(name, answered(output))
    cached = await cache.find([name])
    assert cached is not None
    assert cached.answer == answered("new").answer


async def test_in_memory_an_answer_lives_for_an_hour() -> None:
    clock = Clock(datetime(2026, 11, 28, tzinfo=UTC))
    cache, name = MemoryAnswerCache(clock), identity()
    await cache.keep(name, replace(answered()))
    clock.advance(timedelta(minutes=59))
    assert await cache.find([name]) is not None
    clock.advance(timedelta(minutes=1))
    assert await cache.find([name]) is None


async def test_in_redis_an_answer_lives_for_an_hour(redis_url: str) -> None:
    redis, name = Redis(redis_url), identity()
    await RedisAnswerCache(redis).keep(name, answered())
    assert LIFETIME_SECONDS - 60 < await redis.client.ttl(keys.answer(name)) <= 3_600
    await redis.close()


async def test_an_outage_is_said_by_both() -> None:
    memory, redis = MemoryAnswerCache(), Redis("redis://127.0.0.1:9/0")
    memory.available = False
    for cache in (memory, RedisAnswerCache(redis)):
        with pytest.raises(RedisUnavailableError):
            await cache.find(["x"])
        with pytest.raises(RedisUnavailableError):
            await cache.keep("x", answered())
    await redis.close()
