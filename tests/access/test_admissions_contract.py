"""One suite for admissions in Redis and their twin in memory."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import urlsplit

import pytest

from kova.access.admission import Admission, Caller, Credentials
from kova.access.api_key import ApiKey, Scope, generate_key
from kova.access.ports import Admissions
from kova.access.rate_limit import Policy
from kova.adapters.memory.admissions import MemoryAdmissions
from kova.adapters.redis.admissions import RedisAdmissions
from kova.adapters.redis.connection import Redis
from kova.adapters.redis.fallback import AdmissionsWithFallback
from kova.shared.reach import reach_of
from tests.support.services import services_in_force


@pytest.fixture(params=["memory", "redis"])
async def admissions(request: pytest.FixtureRequest) -> AsyncIterator[Admissions]:
    if request.param == "memory":
        yield MemoryAdmissions()
        return
    redis = Redis(services_in_force()["KOVA_REDIS_URL"], timeout=30)
    yield RedisAdmissions(redis)
    await redis.close()


def new_key() -> ApiKey:
    new = generate_key()
    return ApiKey(
        id=str(uuid.uuid4()),
        name="é",
        prefix=new.prefix,
        secret_hash=new.secret_hash,
        scopes=frozenset({Scope.READ, Scope.AI}),
        created_at=datetime.now(UTC),
        expires_at=datetime(2100, 1, 1, tzinfo=UTC),
        monthly_budget_usd=Decimal("1.5"),
        reach=reach_of(["octo/a", "octo/b"]),
    )


def caller(key: ApiKey | None, *, quota: int = 3, address: str | None = None) -> Caller:
    credentials = Credentials(prefix=key.prefix, secret_hash=key.secret_hash) if key else None
    return Caller(
        address=address or uuid.uuid4().hex,
        credentials=credentials,
        policy=Policy(name="read", quota=quota),
        anonymous=Policy(name="anonymous", quota=2),
    )


def is_allowed(admission: Admission) -> bool:
    assert admission.verdict is not None
    return admission.verdict.allowed


async def test_a_look_up_counts_for_the_address_until_the_key_is_found(
    admissions: Admissions,
) -> None:
    address = uuid.uuid4().hex
    for remaining in (1, 0):
        found = await admissions.admit(caller(new_key(), address=address))
        assert (found.key, found.verdict) == (None, None)
        assert found.look_up is not None
        assert (found.look_up.allowed, found.look_up.remaining) == (True, remaining)
    key = new_key()
    await admissions.admit(caller(key, address=address), remember=key, gives_back=True)
    for is_free in (True, False):
        found = await admissions.admit(caller(new_key(), address=address))
        assert found.look_up is not None
        assert found.look_up.allowed is is_free


async def test_a_key_that_was_valid_is_looked_up_for_no_address(admissions: Admissions) -> None:
    key, address = new_key(), uuid.uuid4().hex
    await admissions.admit(caller(key, address=address), remember=key)
    await admissions.forget(key.prefix)
    while is_allowed(await admissions.admit(caller(None, address=address))):
        pass
    found = await admissions.admit(caller(key, address=address))
    assert (found.key, found.verdict, found.look_up) == (None, None, None)
    thief = replace(key, secret_hash=b"\0" * 32)
    found = await admissions.admit(caller(thief, address=address))
    assert found.look_up is not None
    assert not found.look_up.allowed


async def test_a_remembered_key_comes_back_whole(admissions: Admissions) -> None:
    key = new_key()
    assert (await admissions.admit(caller(key), remember=key)).key == key
    assert (await admissions.admit(caller(key))).key == key


async def test_exactly_the_quota_passes_however_many_call_at_once(admissions: Admissions) -> None:
    key = new_key()
    # Each call remembers the key: on a busy machine the seconds of the first one may be over.
    results = await asyncio.gather(
        *(admissions.admit(caller(key, quota=20), remember=key) for _ in range(300))
    )
    assert sum(is_allowed(admission) for admission in results) == 20
    refused = [
        admission.verdict
        for admission in results
        if admission.verdict and not admission.verdict.allowed
    ]
    assert {(verdict.remaining, verdict.policy.name) for verdict in refused} == {(0, "read")}
    assert all(0 < verdict.reset <= 60 for verdict in refused)


async def test_two_keys_do_not_share_a_limit(admissions: Admissions) -> None:
    for _ in range(2):
        key = new_key()
        await admissions.admit(caller(key, quota=1), remember=key)
        assert not is_allowed(await admissions.admit(caller(key, quota=1)))


async def test_a_wrong_secret_is_a_stranger_and_counts_for_the_address_alone(
    admissions: Admissions,
) -> None:
    key, address = new_key(), uuid.uuid4().hex
    await admissions.admit(caller(key, address=address), remember=key)
    wrong = Credentials(prefix=key.prefix, secret_hash=b"\0" * 32)
    thief = Caller(
        address=address,
        credentials=wrong,
        policy=Policy(name="read", quota=3),
        anonymous=Policy(name="anonymous", quota=2),
    )
    results = [await admissions.admit(thief) for _ in range(3)]
    assert [admission.key for admission in results] == [None] * 3
    assert [is_allowed(admission) for admission in results] == [True, True, False]
    assert is_allowed(await admissions.admit(caller(key, address=address)))


async def test_a_stranger_is_limited_by_address(admissions: Admissions) -> None:
    address = uuid.uuid4().hex
    results = [await admissions.admit(caller(None, address=address)) for _ in range(4)]
    assert [is_allowed(admission) for admission in results] == [True, True, False, False]
    assert is_allowed(await admissions.admit(caller(None)))


async def test_a_forgotten_key_is_unknown_at_once(admissions: Admissions) -> None:
    key = new_key()
    await admissions.admit(caller(key), remember=key)
    await admissions.forget(key.prefix)
    assert (await admissions.admit(caller(key))).verdict is None


async def test_what_redis_keeps_has_an_end(redis_url: str) -> None:
    redis = Redis(redis_url)
    key, address = new_key(), uuid.uuid4().hex
    admissions = RedisAdmissions(redis)
    await admissions.admit(caller(key, address=address), remember=key)
    await admissions.admit(caller(None, address=address))
    names = [name async for name in redis.client.scan_iter("kova:*", count=1000)]
    assert names
    assert [name for name in names if await redis.client.ttl(name) < 0] == []
    await redis.close()


async def test_a_look_for_a_valid_key_is_a_hit_or_a_miss_and_a_guess_is_neither(
    redis_url: str,
) -> None:
    lookups: list[bool] = []
    seconds: list[float] = []
    timed = Redis(redis_url, on_call=seconds.append)
    admissions = RedisAdmissions(timed, on_lookup=lookups.append)
    key = new_key()
    await admissions.admit(caller(new_key()))
    await admissions.admit(caller(None))
    assert lookups == []
    await admissions.admit(caller(key))
    await admissions.admit(caller(key), remember=key)
    await admissions.admit(caller(key))
    assert lookups == [False, True]
    assert len(seconds) >= 5
    # What Redis tells of itself is no call that counts.
    calls = len(seconds)
    assert (await timed.info())["used_memory"] > 0
    assert len(seconds) == calls
    await timed.close()


@asynccontextmanager
async def relay(redis_url: str, sent: list[list[bytes]]) -> AsyncIterator[Redis]:
    """A way to Redis that notes what each connection sends."""
    address = urlsplit(redis_url)

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_redis, to_redis = await asyncio.open_connection(address.hostname, address.port)
        chunks: list[bytes] = []
        sent.append(chunks)
        while chunk := await reader.read(1 << 16):
            chunks.append(chunk)
            to_redis.write(chunk)
            writer.write(await from_redis.read(1 << 16))
        to_redis.close()
        writer.close()

    server = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    account = f":{address.password}@" if address.password else ""
    redis = Redis(f"redis://{account}127.0.0.1:{server.sockets[0].getsockname()[1]}/0")
    yield redis
    await redis.close()
    server.close()
    await server.wait_closed()


async def test_one_call_is_one_round_trip(redis_url: str) -> None:
    sent: list[list[bytes]] = []
    async with relay(redis_url, sent) as redis:
        key, admissions = new_key(), RedisAdmissions(redis)
        await admissions.admit(caller(key), remember=key)
        before = sum(len(chunks) for chunks in sent)
        assert (await admissions.admit(caller(key))).key == key
        assert sum(len(chunks) for chunks in sent) == before + 1


async def test_a_burst_waits_for_a_connection_instead_of_opening_its_own(redis_url: str) -> None:
    sent: list[list[bytes]] = []
    async with relay(redis_url, sent) as redis:
        await asyncio.gather(*(redis.ping() for _ in range(50)))
        assert 1 < len(sent) <= 10


async def test_while_redis_is_away_this_process_counts_and_asks_again_after_a_pause() -> None:
    connections = 0

    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    redis = Redis(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0")
    now = 0.0
    admissions = AdmissionsWithFallback(
        RedisAdmissions(redis), MemoryAdmissions(), clock=lambda: now
    )
    address = uuid.uuid4().hex
    results = [await admissions.admit(caller(None, address=address)) for _ in range(3)]
    assert [is_allowed(admission) for admission in results] == [True, True, False]
    tried = connections
    await admissions.admit(caller(None, address=address))
    assert connections == tried > 0
    now = 1.5
    await admissions.admit(caller(None, address=address))
    assert connections > tried
    await admissions.forget("x")
    await redis.close()
    server.close()
