"""One suite for sessions of people and one-time values in Redis, and their twins in memory."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from kova.access.person import (
    IDLE,
    OpenedSession,
    Person,
    csrf_matches,
    csrf_token,
    new_token,
    session_id,
)
from kova.access.ports import OneTimeValues, PeopleSessions
from kova.access.subject import EVERYTHING, Reach, Role
from kova.adapters.memory.clock import Clock
from kova.adapters.memory.people import MemoryOneTimeValues, MemoryPeopleSessions
from kova.adapters.redis import keys
from kova.adapters.redis.connection import Redis
from kova.adapters.redis.people import RedisOneTimeValues, RedisPeopleSessions
from kova.shared.exceptions import RedisUnavailableError
from tests.support.services import services_in_force

HOUR = timedelta(hours=1)


@dataclass
class Rooms:
    """What is tested, and the clock that it goes by."""

    sessions: PeopleSessions
    values: OneTimeValues
    clock: Clock


@pytest.fixture(params=["memory", "redis"])
async def rooms(request: pytest.FixtureRequest) -> AsyncIterator[Rooms]:
    clock = Clock(datetime.now(UTC))
    if request.param == "memory":
        yield Rooms(MemoryPeopleSessions(clock), MemoryOneTimeValues(clock), clock)
        return
    redis = Redis(services_in_force()["KOVA_REDIS_URL"], timeout=30)
    yield Rooms(RedisPeopleSessions(redis, now=clock), RedisOneTimeValues(redis), clock)
    await redis.close()


def somebody(reach: Reach = EVERYTHING) -> Person:
    name = uuid.uuid4().hex
    return Person(
        actor=f"google:{name}@example.com",
        name="Zoë <b>",
        role=Role.MEMBER,
        reach=reach,
        hosted_domain="example.com",
    )


async def begin(rooms: Rooms, person: Person | None = None) -> OpenedSession:
    return await rooms.sessions.create(
        person or somebody(), lifetime=HOUR, browser="a browser \u2028"
    )


@pytest.mark.parametrize(
    "reach", [EVERYTHING, Reach(names=frozenset()), Reach(names=frozenset({"octo/a", "octo/b"}))]
)
async def test_a_session_is_found_by_its_token_as_it_was_begun(rooms: Rooms, reach: Reach) -> None:
    opened = await begin(rooms, somebody(reach))
    assert await rooms.sessions.get(opened.token) == opened.session
    assert opened.session.id == session_id(opened.token)
    assert opened.session.person.reach == reach
    assert opened.session.person.hosted_domain == "example.com"
    assert opened.session.expires_at - opened.session.created_at == HOUR


async def test_no_other_token_and_no_id_finds_it(rooms: Rooms) -> None:
    opened = await begin(rooms)
    for token in (opened.session.id, opened.token[:-1], new_token(), "", "\ud800"):
        assert await rooms.sessions.get(token) is None


async def test_a_session_ends_with_its_lifetime(rooms: Rooms) -> None:
    opened = await begin(rooms)
    rooms.clock.advance(HOUR - timedelta(seconds=1))
    assert await rooms.sessions.get(opened.token) is not None
    rooms.clock.advance(timedelta(seconds=2))
    assert await rooms.sessions.get(opened.token) is None
    assert await rooms.sessions.list(opened.session.person.actor) == []
    assert await rooms.sessions.rotate(opened.token) is None


async def test_a_rotated_session_has_another_token_and_the_earlier_opens_nothing(
    rooms: Rooms,
) -> None:
    first = await begin(rooms)
    second = await rooms.sessions.rotate(first.token)
    assert second is not None
    assert second.token != first.token
    assert await rooms.sessions.get(first.token) is None
    assert await rooms.sessions.get(second.token) == second.session
    assert second.session.person == first.session.person
    assert second.session.expires_at == first.session.expires_at
    assert await rooms.sessions.list(first.session.person.actor) == [second.session]


async def test_of_many_rotations_at_once_one_gets_the_token(rooms: Rooms) -> None:
    first = await begin(rooms)
    results = await asyncio.gather(*(rooms.sessions.rotate(first.token) for _ in range(8)))
    assert sum(opened is not None for opened in results) == 1


async def test_a_person_lists_their_own_sessions_newest_first(rooms: Rooms) -> None:
    person = somebody()
    opened = []
    for _ in range(3):
        opened.append(await begin(rooms, person))
        rooms.clock.advance(timedelta(seconds=1))
    await begin(rooms)
    listed = await rooms.sessions.list(person.actor)
    assert listed == [each.session for each in reversed(opened)]
    assert await rooms.sessions.list("google:nobody@example.com") == []


async def test_a_person_ends_their_own_sessions_only(rooms: Rooms) -> None:
    person, stranger = somebody(), somebody()
    first, second = await begin(rooms, person), await begin(rooms, person)
    assert not await rooms.sessions.revoke(first.session.id, stranger.actor)
    assert await rooms.sessions.get(first.token) is not None
    assert await rooms.sessions.revoke(first.session.id, person.actor)
    assert not await rooms.sessions.revoke(first.session.id, person.actor)
    assert await rooms.sessions.get(first.token) is None
    assert await rooms.sessions.list(person.actor) == [second.session]


async def test_in_memory_a_session_that_nobody_uses_ends() -> None:
    clock = Clock(datetime(2026, 11, 28, tzinfo=UTC))
    sessions = MemoryPeopleSessions(clock)
    opened = await sessions.create(somebody(), lifetime=5 * IDLE, browser="")
    clock.advance(IDLE - timedelta(minutes=1))
    assert await sessions.get(opened.token) is not None
    clock.advance(IDLE - timedelta(minutes=1))
    assert await sessions.get(opened.token) is not None
    clock.advance(IDLE + timedelta(minutes=1))
    assert await sessions.get(opened.token) is None


async def test_in_redis_a_session_that_nobody_uses_ends_and_its_secret_is_nowhere(
    redis_url: str,
) -> None:
    redis = Redis(redis_url)
    sessions = RedisPeopleSessions(redis)
    opened = await sessions.create(somebody(), lifetime=5 * IDLE, browser="")
    name = keys.person_session(opened.session.id)
    await redis.client.expire(name, 5)
    await sessions.get(opened.token)
    assert IDLE.total_seconds() - 60 < await redis.client.ttl(name) <= IDLE.total_seconds()
    assert opened.token not in str(await redis.client.get(name)) + name
    await redis.close()


async def test_a_value_is_read_once(rooms: Rooms) -> None:
    secret = new_token()
    await rooms.values.keep("link", secret, {"actor": "é"}, HOUR)
    assert await rooms.values.take("other", secret) is None
    assert await rooms.values.take("link", new_token()) is None
    results = await asyncio.gather(*(rooms.values.take("link", secret) for _ in range(8)))
    assert [values for values in results if values is not None] == [{"actor": "é"}]


async def test_a_value_that_is_looked_at_stays(rooms: Rooms) -> None:
    secret = new_token()
    await rooms.values.keep("link", secret, {"actor": "é"}, HOUR)
    for _ in range(2):
        assert await rooms.values.look("link", secret) == {"actor": "é"}
    assert await rooms.values.look("other", secret) is None
    assert await rooms.values.look("link", new_token()) is None
    assert await rooms.values.take("link", secret) == {"actor": "é"}
    assert await rooms.values.look("link", secret) is None


async def test_in_memory_a_value_ends_with_its_lifetime() -> None:
    clock = Clock(datetime(2026, 11, 28, tzinfo=UTC))
    values = MemoryOneTimeValues(clock)
    await values.keep("link", "s", {}, HOUR)
    clock.advance(HOUR)
    assert await values.look("link", "s") is None
    assert await values.take("link", "s") is None


async def test_in_redis_a_value_ends_with_its_lifetime(redis_url: str) -> None:
    redis, secret = Redis(redis_url), new_token()
    await RedisOneTimeValues(redis).keep("link", secret, {}, HOUR)
    assert HOUR.total_seconds() - 60 < await redis.client.ttl(keys.one_time("link", secret)) <= 3600
    await redis.close()


async def test_an_outage_is_said_by_both() -> None:
    memory, redis = MemoryPeopleSessions(), Redis("redis://127.0.0.1:9/0")
    memory.available = False
    for sessions in (memory, RedisPeopleSessions(redis)):
        with pytest.raises(RedisUnavailableError):
            await sessions.get("t")
        with pytest.raises(RedisUnavailableError):
            await sessions.create(somebody(), lifetime=HOUR, browser="")
    await redis.close()


def test_the_token_of_forms_belongs_to_one_session() -> None:
    first, second = new_token(), new_token()
    assert csrf_matches(csrf_token(first), first)
    for presented in (csrf_token(second), "", first, session_id(first), "é\ud800"):
        assert not csrf_matches(presented, first)
