"""One suite for sessions of people and one-time values in Redis, and their twins in memory."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from kova.access.identity import GOOGLE, Identity
from kova.access.person import (
    IDLE,
    PersonSession,
    csrf_matches,
    csrf_token,
    new_token,
    sealing_key,
    session_id,
)
from kova.access.ports import OneTimeValues, PeopleSessions
from kova.access.subject import EVERYTHING, Reach
from kova.adapters.memory.clock import Clock
from kova.adapters.memory.people import MemoryOneTimeValues, MemoryPeopleSessions
from kova.adapters.redis import keys
from kova.adapters.redis.connection import Redis
from kova.adapters.redis.people import RedisOneTimeValues, RedisPeopleSessions
from kova.adapters.token_seal import AesTokenSeal
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


def somebody(reach: Reach = EVERYTHING) -> Identity:
    name = uuid.uuid4().hex
    return Identity(
        provider=GOOGLE,
        actor=f"google:{name}@example.com",
        name="Zoë <b>",
        reach=reach,
        hosted_domain="example.com",
    )


def new_session(
    now: datetime, identity: Identity | None = None, lifetime: timedelta = HOUR
) -> PersonSession:
    return PersonSession(
        id=session_id(new_token()),
        identity=identity or somebody(),
        created_at=now,
        expires_at=now + lifetime,
        confirmed_at=now,
        browser="a browser \u2028",
        sealed_token="c2VhbGVk",
    )


async def begin(rooms: Rooms, identity: Identity | None = None) -> PersonSession:
    session = new_session(rooms.clock(), identity)
    await rooms.sessions.add(session)
    return session


@pytest.mark.parametrize(
    "reach", [EVERYTHING, Reach(names=frozenset()), Reach(names=frozenset({"octo/a", "octo/b"}))]
)
async def test_a_session_is_found_by_its_id_as_it_was_begun(rooms: Rooms, reach: Reach) -> None:
    session = await begin(rooms, somebody(reach))
    assert await rooms.sessions.get(session.id) == session
    for other in (session.id[:-1], new_token(), "", "\ud800"):
        assert await rooms.sessions.get(other) is None


async def test_a_session_ends_with_its_lifetime(rooms: Rooms) -> None:
    session = await begin(rooms)
    rooms.clock.advance(HOUR - timedelta(seconds=1))
    assert await rooms.sessions.get(session.id) is not None
    rooms.clock.advance(timedelta(seconds=2))
    assert await rooms.sessions.get(session.id) is None
    assert await rooms.sessions.list(session.identity.actor) == []


async def test_what_changes_of_a_session_is_stored_and_nothing_else(rooms: Rooms) -> None:
    session = await begin(rooms)
    later = session.confirmed_at + timedelta(minutes=5)
    reach = Reach(names=frozenset({"octo/c"}))
    changed = replace(session, identity=replace(session.identity, reach=reach), confirmed_at=later)
    await rooms.sessions.update(changed)
    assert await rooms.sessions.get(session.id) == changed
    assert await rooms.sessions.list(session.identity.actor) == [changed]


async def test_a_session_that_has_ended_stays_so_when_it_changes(rooms: Rooms) -> None:
    session = await begin(rooms)
    assert await rooms.sessions.revoke(session.id, session.identity.actor)
    await rooms.sessions.update(session)
    assert await rooms.sessions.get(session.id) is None


async def test_of_many_callers_one_confirms_a_session(rooms: Rooms) -> None:
    session, other = await begin(rooms), await begin(rooms)
    claims = await asyncio.gather(
        *(rooms.sessions.claim_confirmation(session.id, HOUR) for _ in range(8))
    )
    assert sorted(claims) == [False] * 7 + [True]
    assert await rooms.sessions.claim_confirmation(other.id, HOUR)


async def test_a_person_lists_their_own_sessions_newest_first(rooms: Rooms) -> None:
    person = somebody()
    sessions = []
    for _ in range(3):
        sessions.append(await begin(rooms, person))
        rooms.clock.advance(timedelta(seconds=1))
    await begin(rooms)
    assert await rooms.sessions.list(person.actor) == sessions[::-1]
    assert await rooms.sessions.list("google:nobody@example.com") == []


async def test_a_person_ends_their_own_sessions_only(rooms: Rooms) -> None:
    person, stranger = somebody(), somebody()
    first, second = await begin(rooms, person), await begin(rooms, person)
    assert not await rooms.sessions.revoke(first.id, stranger.actor)
    assert await rooms.sessions.get(first.id) is not None
    assert await rooms.sessions.revoke(first.id, person.actor)
    assert not await rooms.sessions.revoke(first.id, person.actor)
    assert await rooms.sessions.get(first.id) is None
    assert await rooms.sessions.list(person.actor) == [second]


async def test_in_memory_a_session_that_nobody_uses_ends() -> None:
    clock = Clock(datetime(2026, 11, 28, tzinfo=UTC))
    sessions = MemoryPeopleSessions(clock)
    session = new_session(clock(), lifetime=5 * IDLE)
    await sessions.add(session)
    clock.advance(IDLE - timedelta(minutes=1))
    assert await sessions.get(session.id) is not None
    clock.advance(IDLE - timedelta(minutes=1))
    assert await sessions.get(session.id) is not None
    clock.advance(IDLE + timedelta(minutes=1))
    assert await sessions.get(session.id) is None


async def test_in_memory_a_claim_ends_with_its_lease() -> None:
    clock = Clock(datetime(2026, 11, 28, tzinfo=UTC))
    sessions = MemoryPeopleSessions(clock)
    assert await sessions.claim_confirmation("a", HOUR)
    clock.advance(HOUR)
    assert await sessions.claim_confirmation("a", HOUR)


async def test_in_redis_sessions_and_claims_end_by_themselves(redis_url: str) -> None:
    redis = Redis(redis_url)
    sessions = RedisPeopleSessions(redis)
    session = new_session(datetime.now(UTC), lifetime=5 * IDLE)
    await sessions.add(session)
    name = keys.person_session(session.id)
    await redis.client.expire(name, 5)
    await sessions.update(session)
    assert 0 < await redis.client.ttl(name) <= 5  # What changes is no use.
    await sessions.get(session.id)
    assert IDLE.total_seconds() - 60 < await redis.client.ttl(name) <= IDLE.total_seconds()
    await sessions.claim_confirmation(session.id, HOUR)
    claim = keys.session_confirmation(session.id)
    assert HOUR.total_seconds() - 60 < await redis.client.ttl(claim) <= 3600
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
            await sessions.add(new_session(datetime.now(UTC)))
    await redis.close()


def test_the_token_of_forms_belongs_to_one_session() -> None:
    first, second = new_token(), new_token()
    assert csrf_matches(csrf_token(first), first)
    for presented in (csrf_token(second), "", first, session_id(first), "é\ud800"):
        assert not csrf_matches(presented, first)


def test_a_sealed_token_opens_for_its_session_s_secret_alone() -> None:
    seal, token, other = AesTokenSeal(), new_token(), new_token()
    sealed = seal.seal("ghu_é", key=sealing_key(token), about="session")
    assert "ghu" not in sealed
    assert seal.seal("ghu_é", key=sealing_key(token), about="session") != sealed
    assert seal.open(sealed, key=sealing_key(token), about="session") == "ghu_é"
    assert seal.open(sealed, key=sealing_key(other), about="session") is None
    assert seal.open(sealed, key=sealing_key(token), about="another") is None
    changed = ("A" if sealed[20] != "A" else "B").join((sealed[:20], sealed[21:]))
    for text in (changed, "", "é", "AAAA", sealed[:-4], sealed + "AAAA", "=" * 10):
        assert seal.open(text, key=sealing_key(token), about="session") is None
    assert sealing_key(token).hex() != csrf_token(token)


async def test_a_change_of_rights_is_noted_with_its_moment(rooms: Rooms) -> None:
    for _ in range(2):
        before = rooms.clock()
        await rooms.sessions.note_change()
        changed_at = await rooms.sessions.changed_at()
        assert changed_at is not None
        assert before <= changed_at <= rooms.clock()
        rooms.clock.advance(timedelta(minutes=1))
