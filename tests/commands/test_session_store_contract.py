"""One suite for conversations in Redis and their twin in memory."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from kova.adapters.memory.clock import Clock
from kova.adapters.memory.sessions import MemorySessionStore
from kova.adapters.redis import keys
from kova.adapters.redis.connection import Redis
from kova.adapters.redis.sessions import LIFETIME_SECONDS, RedisSessionStore
from kova.commands.ports import SessionStore
from kova.models.prompt import Message
from kova.shared.exceptions import NotFoundError, RedisUnavailableError
from tests.support.services import services_in_force


@pytest.fixture(params=["memory", "redis"])
async def sessions(request: pytest.FixtureRequest) -> AsyncIterator[SessionStore]:
    if request.param == "memory":
        yield MemorySessionStore()
        return
    redis = Redis(services_in_force()["KOVA_REDIS_URL"], timeout=30)
    yield RedisSessionStore(redis)
    await redis.close()


def exchange(number: int) -> tuple[Message, Message]:
    question = Message(role="user", text=f"question {number}\n\u2028é")
    return question, Message(role="assistant", text=f"answer {number}")


async def test_a_new_session_has_no_turns_and_belongs_to_the_key_that_opened_it(
    sessions: SessionStore,
) -> None:
    name = str(uuid.uuid4())
    assert await sessions.open(name, "mine") == ()
    assert await sessions.open(name, "mine") == ()
    with pytest.raises(NotFoundError):
        await sessions.open(name, "theirs")


async def test_turns_are_appended_in_their_order(sessions: SessionStore) -> None:
    name = str(uuid.uuid4())
    await sessions.open(name, "mine")
    for number in (1, 2):
        await sessions.append(name, "mine", exchange(number))
    assert await sessions.open(name, "mine") == (*exchange(1), *exchange(2))


async def test_a_session_that_begins_with_its_first_turns_belongs_to_their_key(
    sessions: SessionStore,
) -> None:
    name = str(uuid.uuid4())
    await sessions.append(name, "mine", exchange(1))
    assert await sessions.open(name, "mine") == exchange(1)
    with pytest.raises(NotFoundError):
        await sessions.open(name, "theirs")


async def test_of_a_long_session_the_latest_forty_turns_stay(sessions: SessionStore) -> None:
    name = str(uuid.uuid4())
    for number in range(25):
        await sessions.append(name, "mine", exchange(number))
    turns = await sessions.open(name, "mine")
    assert turns == tuple(turn for number in range(5, 25) for turn in exchange(number))


async def test_sessions_do_not_see_each_other(sessions: SessionStore) -> None:
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    await sessions.append(first, "mine", exchange(1))
    assert await sessions.open(second, "mine") == ()


async def test_in_memory_a_session_lives_for_an_hour_after_its_last_turn() -> None:
    clock = Clock(datetime(2026, 11, 28, tzinfo=UTC))
    sessions = MemorySessionStore(clock)
    await sessions.append("s", "mine", exchange(1))
    clock.advance(timedelta(minutes=50))
    await sessions.append("s", "mine", exchange(2))
    clock.advance(timedelta(minutes=50))
    assert await sessions.open("s", "mine") == (*exchange(1), *exchange(2))
    clock.advance(timedelta(minutes=61))
    assert await sessions.open("s", "theirs") == ()


async def test_in_redis_a_session_lives_for_an_hour_after_its_last_turn(redis_url: str) -> None:
    redis, name = Redis(redis_url), str(uuid.uuid4())
    sessions = RedisSessionStore(redis)
    await sessions.open(name, "mine")
    await sessions.append(name, "mine", exchange(1))
    for key in (keys.session_owner(name), keys.session_turns(name)):
        await redis.client.expire(key, 5)
    await sessions.append(name, "mine", exchange(2))
    for key in (keys.session_owner(name), keys.session_turns(name)):
        assert LIFETIME_SECONDS - 60 < await redis.client.ttl(key) <= LIFETIME_SECONDS
    await redis.close()


async def test_an_outage_is_said_by_both() -> None:
    memory, redis = MemorySessionStore(), Redis("redis://127.0.0.1:9/0")
    memory.available = False
    for sessions in (memory, RedisSessionStore(redis)):
        with pytest.raises(RedisUnavailableError):
            await sessions.open("s", "mine")
        with pytest.raises(RedisUnavailableError):
            await sessions.append("s", "mine", exchange(1))
    await redis.close()
