"""API keys are created, listed and revoked, and the audit log says by whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from kova.access.admission import Caller, Credentials
from kova.access.api_key import Scope, hash_secret, split_key
from kova.access.manage_keys import ManageKeys
from kova.access.rate_limit import Policy
from kova.adapters.memory.admissions import MemoryAdmissions
from kova.adapters.memory.api_keys import MemoryApiKeyStore
from kova.adapters.memory.audit import MemoryAuditStore
from kova.adapters.memory.clock import Clock
from kova.adapters.memory.database import MemoryDatabase
from kova.shared.audit import Action, AuditRecord
from kova.shared.exceptions import ConflictError, InvalidInputError, NotFoundError
from kova.shared.page import PageRequest
from kova.shared.reach import reach_of

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
POLICY = Policy(name="read", quota=9)


@dataclass
class Office:
    clock: Clock = field(default_factory=lambda: Clock(NOON))
    database: MemoryDatabase = field(default_factory=MemoryDatabase)
    admissions: MemoryAdmissions = field(default_factory=MemoryAdmissions)

    def __post_init__(self) -> None:
        self.keys = MemoryApiKeyStore(self.clock)
        self.manage = ManageKeys(
            keys=self.keys,
            audit=MemoryAuditStore(self.database),
            admissions=self.admissions,
            now=self.clock,
        )

    def events(self) -> list[AuditRecord]:
        return list(self.database.audit.values())


@pytest.fixture
def office() -> Office:
    return Office()


async def test_a_new_key_is_shown_once_and_stored_as_a_hash(office: Office) -> None:
    created = await office.manage.create(
        actor="cli",
        name="  ci  ",
        scopes=frozenset({Scope.READ, Scope.AI}),
        expires_at=NOON + timedelta(days=1),
        monthly_budget_usd=Decimal(5),
    )
    parts = split_key(created.plaintext)
    assert parts is not None
    assert created.key.prefix == parts[0]
    assert created.key.secret_hash == hash_secret(parts[1])
    assert created.key.name == "ci"
    assert await office.keys.list() == [created.key]
    (event,) = office.events()
    assert (event.actor, event.action) == ("cli", Action.KEY_CREATED)
    assert event.target == f"key:{created.key.prefix}"
    assert event.detail == {"name": "ci", "scopes": "ai read"}
    assert parts[1] not in repr(event)


@pytest.mark.parametrize("name", ["", "   ", "a" * 101])
async def test_a_name_has_one_to_a_hundred_characters(office: Office, name: str) -> None:
    with pytest.raises(InvalidInputError) as failure:
        await office.manage.create(actor="cli", name=name, scopes=frozenset({Scope.READ}))
    assert failure.value.data == {"field": "name"}
    assert await office.keys.list() == []


async def test_a_key_is_restricted_to_repositories_and_the_log_names_them(office: Office) -> None:
    created = await office.manage.create(
        actor="cli",
        name="ci",
        scopes=frozenset({Scope.READ}),
        reach=reach_of(["Octo/B", "octo/a"]),
    )
    assert created.key.reach == reach_of(["octo/a", "octo/b"])
    assert office.events()[0].detail["repositories"] == "octo/a octo/b"


@pytest.mark.parametrize("names", [[], ["octo"], ["octo/a", "a b/c"], [""]])
async def test_a_key_is_not_restricted_to_what_cannot_be_a_repository(
    office: Office, names: list[str]
) -> None:
    with pytest.raises(InvalidInputError):
        await office.manage.create(
            actor="cli", name="ci", scopes=frozenset({Scope.READ}), reach=reach_of(names)
        )
    assert await office.keys.list() == []


async def test_a_key_without_a_scope_is_refused(office: Office) -> None:
    with pytest.raises(InvalidInputError) as failure:
        await office.manage.create(actor="cli", name="ci", scopes=frozenset())
    assert failure.value.data == {"field": "scopes"}


async def test_a_key_that_is_expired_already_is_refused(office: Office) -> None:
    with pytest.raises(ConflictError) as failure:
        await office.manage.create(
            actor="cli", name="ci", scopes=frozenset({Scope.READ}), expires_at=NOON
        )
    assert failure.value.data == {"field": "expires_at"}
    assert (await office.keys.list(), office.events()) == ([], [])


async def test_keys_are_listed_newest_first(office: Office) -> None:
    names = ["a", "b", "c"]
    for name in names:
        await office.manage.create(actor="cli", name=name, scopes=frozenset({Scope.READ}))
    page = await office.manage.page(PageRequest(limit=2))
    assert [key.name for key in page.items] == ["c", "b"]
    page = await office.manage.page(PageRequest(limit=2, after=page.next))
    assert [key.name for key in page.items] == ["a"]


async def test_a_revoked_key_is_forgotten_at_once_and_the_audit_log_says_so(
    office: Office,
) -> None:
    created = await office.manage.create(actor="cli", name="ci", scopes=frozenset({Scope.READ}))
    key = created.key
    caller = Caller(
        address="a",
        credentials=Credentials(prefix=key.prefix, secret_hash=key.secret_hash),
        policy=POLICY,
        anonymous=POLICY,
    )
    assert (await office.admissions.admit(caller, remember=key)).key == key
    revoked = await office.manage.revoke(actor="key:other", prefix=key.prefix)
    assert not revoked.is_usable(office.clock())
    assert (await office.admissions.admit(caller)).key is None
    assert office.events()[-1].action is Action.KEY_REVOKED
    assert office.events()[-1].actor == "key:other"


async def test_a_key_cannot_revoke_itself(office: Office) -> None:
    created = await office.manage.create(actor="cli", name="ci", scopes=frozenset({Scope.ADMIN}))
    with pytest.raises(ConflictError):
        await office.manage.revoke(actor=f"key:{created.key.prefix}", prefix=created.key.prefix)
    assert [key.revoked_at for key in await office.keys.list()] == [None]


async def test_a_key_that_is_not_there_is_not_revoked_and_not_recorded(office: Office) -> None:
    with pytest.raises(NotFoundError):
        await office.manage.revoke(actor="cli", prefix="nobody")
    assert office.events() == []
