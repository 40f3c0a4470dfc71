"""The first admin key of an installation, which nobody could ask for with a key."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final

from kova.access.api_key import Scope, split_key

if TYPE_CHECKING:
    from kova.access.manage_keys import ManageKeys
    from kova.access.ports import ApiKeyStore, KeyVault

NAME: Final = "first admin"
_ACTOR: Final = "installation"
_LOG = logging.getLogger("kova.access")


class MakeFirstKey:
    """Puts an admin key where the owner of the installation can read it."""

    def __init__(
        self,
        *,
        keys: ApiKeyStore,
        manage: ManageKeys,
        vault: KeyVault,
        now: Callable[[], datetime],
    ) -> None:
        self._keys = keys
        self._manage = manage
        self._vault = vault
        self._now = now

    async def make(self) -> str:
        """Make the key unless the vault has one that works; return the key's prefix.

        A key whose way into the vault was interrupted is revoked: nobody has seen it.
        """
        kept = await self._vault.load()
        prefix = _prefix(kept)
        first_keys = [key for key in await self._keys.list() if key.name == NAME]
        usable = [key for key in first_keys if key.is_usable(self._now())]
        if any(key.prefix == prefix for key in usable):
            return prefix
        if kept:
            # Its owner revoked it, or the database is another one. It is not replaced silently:
            # whoever revoked it did not ask for another.
            _LOG.warning("the first key is no key of this database; empty its secret for a new one")
            return prefix
        for key in usable:
            await self._manage.revoke(actor=_ACTOR, prefix=key.prefix)
        created = await self._manage.create(actor=_ACTOR, name=NAME, scopes=frozenset(Scope))
        await self._vault.store(created.plaintext)
        return created.key.prefix


def _prefix(plaintext: str) -> str:
    parts = split_key(plaintext)
    return parts[0] if parts else ""
