"""Who is admitted: a valid key with the scope, within its limit."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from kova.access.admission import KEY_SECONDS, Admission, Caller
from kova.access.admit import Admit, Limits
from kova.access.api_key import ApiKey, Scope, generate_key
from kova.access.rate_limit import Policy, Verdict
from kova.adapters.memory.admissions import MemoryAdmissions
from kova.adapters.memory.api_keys import MemoryApiKeyStore
from kova.adapters.memory.clock import Clock
from kova.adapters.redis.fallback import AdmissionsWithFallback
from kova.shared.exceptions import (
    DatabaseUnavailableError,
    ForbiddenError,
    RateLimitedError,
    RedisUnavailableError,
    UnauthenticatedError,
)

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
QUOTA = 3
STRANGER_QUOTA = 2


@dataclass
class Door:
    """The use case with its twins; `seconds` is the clock of the limits."""

    clock: Clock = field(default_factory=lambda: Clock(NOON))
    seconds: float = 0.0
    verdicts: list[Verdict] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.keys = MemoryApiKeyStore(self.clock)
        self.admissions = MemoryAdmissions(lambda: self.seconds)
        policies = {scope: Policy(name=scope.value, quota=QUOTA) for scope in Scope}
        self.use_case = Admit(
            keys=self.keys,
            admissions=self.admissions,
            limits=Limits(
                by_scope=policies, anonymous=Policy(name="anonymous", quota=STRANGER_QUOTA)
            ),
            now=self.clock,
        )

    async def create(
        self, *scopes: Scope, expires_at: datetime | None = None
    ) -> tuple[str, ApiKey]:
        new_key = generate_key()
        key = await self.keys.create(
            name="ci",
            prefix=new_key.prefix,
            secret_hash=new_key.secret_hash,
            scopes=frozenset(scopes or {Scope.READ}),
            expires_at=expires_at,
        )
        return new_key.plaintext, key

    async def admit(
        self, plaintext: str | None, scope: Scope = Scope.READ, address: str = "10.0.0.1"
    ) -> ApiKey:
        return await self.use_case.admit(plaintext, scope, address, self.verdicts.append)


@pytest.fixture
def door() -> Door:
    return Door()


async def test_a_valid_key_is_admitted_and_its_use_is_noted(door: Door) -> None:
    plaintext, key = await door.create()
    assert (await door.admit(plaintext)).id == key.id
    (stored,) = await door.keys.list()
    assert stored.last_used_at is not None


async def test_the_second_call_needs_no_database(door: Door) -> None:
    plaintext, key = await door.create()
    await door.admit(plaintext)
    door.keys.available = False
    assert (await door.admit(plaintext)).id == key.id


async def test_a_key_that_is_not_remembered_needs_the_database(door: Door) -> None:
    plaintext, _ = await door.create()
    door.keys.available = False
    with pytest.raises(DatabaseUnavailableError):
        await door.admit(plaintext)


@pytest.mark.parametrize(
    "plaintext", [None, "", "nonsense", "kova_short_x", f"kova_{'a' * 12}_{'b' * 52}"]
)
async def test_a_stranger_is_refused_and_counted_by_address(
    door: Door, plaintext: str | None
) -> None:
    for _ in range(STRANGER_QUOTA):
        with pytest.raises(UnauthenticatedError):
            await door.admit(plaintext)
    with pytest.raises(RateLimitedError):
        await door.admit(plaintext)
    with pytest.raises(UnauthenticatedError):
        await door.admit(plaintext, address="10.0.0.2")


@pytest.mark.parametrize("is_remembered", [False, True])
async def test_a_wrong_secret_is_refused_and_uses_up_nothing_of_the_key(
    door: Door, is_remembered: bool
) -> None:
    plaintext, _ = await door.create()
    if is_remembered:
        await door.admit(plaintext)
    forged = plaintext[:-52] + generate_key().plaintext[-52:]
    for _ in range(STRANGER_QUOTA):
        with pytest.raises(UnauthenticatedError):
            await door.admit(forged, address="10.6.6.6")
    with pytest.raises(RateLimitedError):
        await door.admit(forged, address="10.6.6.6")
    for _ in range(QUOTA - is_remembered):
        await door.admit(plaintext)


async def test_a_key_lacks_a_scope_that_it_was_not_created_with(door: Door) -> None:
    plaintext, _ = await door.create(Scope.READ, Scope.AI)
    with pytest.raises(ForbiddenError) as failure:
        await door.admit(plaintext, Scope.ADMIN)
    assert failure.value.data == {"scope": "admin"}
    await door.admit(plaintext, Scope.AI)


async def test_a_key_expires_while_it_is_remembered(door: Door) -> None:
    plaintext, _ = await door.create(expires_at=NOON + timedelta(seconds=1))
    await door.admit(plaintext)
    door.clock.advance(timedelta(seconds=1))
    with pytest.raises(UnauthenticatedError):
        await door.admit(plaintext)


async def test_a_revoked_key_is_refused_at_the_latest_when_it_is_no_longer_remembered(
    door: Door,
) -> None:
    plaintext, key = await door.create()
    await door.admit(plaintext)
    await door.keys.revoke(key.prefix, NOON)
    door.seconds += KEY_SECONDS
    with pytest.raises(UnauthenticatedError):
        await door.admit(plaintext)


async def test_a_call_above_the_quota_says_when_the_next_may_pass(door: Door) -> None:
    plaintext, _ = await door.create()
    for _ in range(QUOTA):
        await door.admit(plaintext)
    door.seconds += 15.5
    # The key is forgotten meanwhile: its limit is not.
    with pytest.raises(RateLimitedError) as failure:
        await door.admit(plaintext)
    assert failure.value.data == {"retry_after": 45}
    door.seconds += 45
    await door.admit(plaintext)


async def test_each_scope_has_a_limit_of_its_own(door: Door) -> None:
    plaintext, _ = await door.create(Scope.READ, Scope.AI)
    for _ in range(QUOTA):
        await door.admit(plaintext, Scope.READ)
    await door.admit(plaintext, Scope.AI)


async def test_the_verdict_is_reported_for_admitted_and_refused_calls(door: Door) -> None:
    plaintext, _ = await door.create()
    await door.admit(plaintext)
    with pytest.raises(ForbiddenError):
        await door.admit(plaintext, Scope.SCAN)
    with pytest.raises(UnauthenticatedError):
        await door.admit(None)
    reported = [(verdict.policy.name, verdict.remaining) for verdict in door.verdicts]
    assert reported == [("read", 2), ("scan", 2), ("anonymous", 1)]


async def test_guessed_keys_reach_the_database_within_the_address_limit_only(door: Door) -> None:
    plaintext, _ = await door.create()
    await door.admit(plaintext)
    look_ups: list[str] = []
    use = door.keys.use

    async def note_use(prefix: str, secret_hash: bytes, now: datetime) -> ApiKey | None:
        look_ups.append(prefix)
        return await use(prefix, secret_hash, now)

    door.keys.use = note_use  # type: ignore[method-assign]
    for _ in range(STRANGER_QUOTA):
        with pytest.raises(UnauthenticatedError):
            await door.admit(generate_key().plaintext)
    for _ in range(20):
        with pytest.raises(RateLimitedError):
            await door.admit(generate_key().plaintext)
    assert len(look_ups) == STRANGER_QUOTA
    # Beside them a key that was valid a while ago is looked up all the same.
    door.seconds += KEY_SECONDS
    await door.admit(plaintext)
    assert len(look_ups) == STRANGER_QUOTA + 1


async def test_a_burst_with_a_new_key_is_one_look_up(door: Door) -> None:
    plaintext, _ = await door.create()
    number = 0
    use = door.keys.use

    async def use_slowly(prefix: str, secret_hash: bytes, now: datetime) -> ApiKey | None:
        nonlocal number
        number += 1
        await asyncio.sleep(0)
        return await use(prefix, secret_hash, now)

    door.keys.use = use_slowly  # type: ignore[method-assign]
    results = await asyncio.gather(
        *(door.admit(plaintext) for _ in range(10 * STRANGER_QUOTA)), return_exceptions=True
    )
    assert number == 1
    assert sum(isinstance(result, ApiKey) for result in results) == QUOTA
    # Those beyond are refused by the key's limit, and not by the address's.
    assert {verdict.policy.name for verdict in door.verdicts} == {"read"}


async def test_a_burst_with_a_known_key_passes_also_while_redis_goes_away(door: Door) -> None:
    plaintext, _ = await door.create()
    use = door.keys.use

    async def use_slowly(prefix: str, secret_hash: bytes, now: datetime) -> ApiKey | None:
        await asyncio.sleep(0.01)
        return await use(prefix, secret_hash, now)

    door.keys.use = use_slowly  # type: ignore[method-assign]
    shared, own = MemoryAdmissions(lambda: door.seconds), MemoryAdmissions(lambda: door.seconds)
    door.use_case = Admit(
        keys=door.keys,
        admissions=AdmissionsWithFallback(Leaving(shared), own),
        limits=Limits(
            by_scope={scope: Policy(name=scope.value, quota=50) for scope in Scope},
            anonymous=Policy(name="anonymous", quota=STRANGER_QUOTA),
        ),
        now=door.clock,
    )
    await door.admit(plaintext)
    await asyncio.gather(*(door.admit(plaintext) for _ in range(40)))
    for _ in range(STRANGER_QUOTA):
        with pytest.raises(UnauthenticatedError):
            await door.admit(generate_key().plaintext)
    with pytest.raises(RateLimitedError):
        await door.admit(generate_key().plaintext)


class Leaving:
    """Admissions that work until a key was remembered."""

    def __init__(self, admissions: MemoryAdmissions) -> None:
        self.admissions = admissions
        self.is_away = False

    async def admit(
        self, caller: Caller, remember: ApiKey | None = None, *, gives_back: bool = False
    ) -> Admission:
        if self.is_away:
            raise RedisUnavailableError
        self.is_away = remember is not None
        return await self.admissions.admit(caller, remember, gives_back=gives_back)

    async def forget(self, prefix: str) -> None:
        await self.admissions.forget(prefix)


async def test_many_valid_keys_behind_one_address_are_admitted(door: Door) -> None:
    for _ in range(5 * STRANGER_QUOTA):
        plaintext, _ = await door.create()
        await door.admit(plaintext)


async def test_a_wrong_secret_is_no_use_of_a_key(door: Door) -> None:
    plaintext, _ = await door.create()
    with pytest.raises(UnauthenticatedError):
        await door.admit(plaintext[:-52] + generate_key().plaintext[-52:])
    (stored,) = await door.keys.list()
    assert stored.last_used_at is None
