"""An installation has one first key: made once, also when its way into the vault is cut."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kova.access.api_key import Scope, generate_key, split_key
from kova.access.make_first_key import NAME, MakeFirstKey
from kova.access.manage_keys import ManageKeys
from kova.adapters.memory.admissions import MemoryAdmissions
from kova.shared.exceptions import UnavailableError
from tests.support.stores import AllStores


def now() -> datetime:
    return datetime.now(UTC)


class Vault:
    """A vault in memory. While `full`, it stores nothing."""

    plaintext = ""
    full = False

    async def load(self) -> str:
        return self.plaintext

    async def store(self, plaintext: str) -> None:
        if self.full:
            raise UnavailableError
        self.plaintext = plaintext


@pytest.fixture
def vault() -> Vault:
    return Vault()


@pytest.fixture
def first_key(stores: AllStores, vault: Vault) -> MakeFirstKey:
    manage = ManageKeys(
        keys=stores.keys, audit=stores.audit, admissions=MemoryAdmissions(), now=now
    )
    return MakeFirstKey(keys=stores.keys, manage=manage, vault=vault, now=now)


async def usable_prefixes(stores: AllStores) -> list[str]:
    return [key.prefix for key in await stores.keys.list() if key.is_usable(now())]


async def test_the_first_key_may_do_everything_and_is_made_once(
    stores: AllStores, vault: Vault, first_key: MakeFirstKey
) -> None:
    prefixes = {await first_key.make() for _ in range(3)}
    (key,) = await stores.keys.list()
    assert (key.name, key.scopes) == (NAME, frozenset(Scope))
    assert prefixes == {key.prefix}
    parts = split_key(vault.plaintext)
    assert parts is not None
    assert parts[0] == key.prefix


async def test_a_key_that_nobody_could_read_is_revoked(
    stores: AllStores, vault: Vault, first_key: MakeFirstKey
) -> None:
    vault.full = True
    with pytest.raises(UnavailableError):
        await first_key.make()
    vault.full = False
    prefix = await first_key.make()
    assert await usable_prefixes(stores) == [prefix]
    assert len(await stores.keys.list()) == 2


async def test_other_keys_are_left_alone(stores: AllStores, first_key: MakeFirstKey) -> None:
    other = generate_key()
    await stores.keys.create(
        name="ci",
        prefix=other.prefix,
        secret_hash=other.secret_hash,
        scopes=frozenset({Scope.READ}),
        expires_at=None,
    )
    prefix = await first_key.make()
    assert set(await usable_prefixes(stores)) == {other.prefix, prefix}


async def test_a_first_key_that_was_revoked_is_not_made_again_unless_its_secret_is_emptied(
    stores: AllStores, vault: Vault, first_key: MakeFirstKey, caplog: pytest.LogCaptureFixture
) -> None:
    prefix = await first_key.make()
    await stores.keys.revoke(prefix, now())
    assert await first_key.make() == prefix
    assert await usable_prefixes(stores) == []
    assert "empty its secret" in caplog.text
    vault.plaintext = ""
    assert await usable_prefixes(stores) == []
    assert [await first_key.make()] == await usable_prefixes(stores)
