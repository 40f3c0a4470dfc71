"""Whose repositories Kova works for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Owners:
    """Accounts on GitHub. `names` are in lower case; None is everybody."""

    names: frozenset[str] | None

    @property
    def is_everybody(self) -> bool:
        """True without any restriction."""
        return self.names is None

    def allow(self, full_name: str) -> bool:
        """True if Kova works for the owner of a repository, `owner/name`."""
        owner, slash, _ = full_name.partition("/")
        return self.names is None or (slash == "/" and owner.lower() in self.names)


EVERY_OWNER: Final = Owners(names=None)


def owners_of(names: Iterable[str]) -> Owners:
    """Return the owners of these names in any case; without names, everybody."""
    lowered = frozenset(name.lower() for name in names)
    return Owners(names=lowered) if lowered else EVERY_OWNER
