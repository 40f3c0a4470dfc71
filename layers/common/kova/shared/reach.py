"""Which repositories somebody may see: all of them, or those that are named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Some repositories.

    Attributes:
        names: full names in lower case, `owner/name`; None for all repositories. An empty set is
            no repository at all.
    """

    names: frozenset[str] | None

    @property
    def is_everything(self) -> bool:
        """True without any restriction."""
        return self.names is None

    def covers(self, repository: str | None) -> bool:
        """True if the repository is among them; without a repository only everything covers it."""
        if self.names is None:
            return True
        return repository is not None and repository.lower() in self.names

    def includes(self, other: Reach) -> bool:
        """True if all that the other reach covers is covered by this one too."""
        if self.names is None:
            return True
        return other.names is not None and other.names <= self.names


EVERYTHING: Final = Reach(names=None)


def reach_of(repositories: Iterable[str] | None) -> Reach:
    """Return the reach of full names in any case; None is everything."""
    if repositories is None:
        return EVERYTHING
    return Reach(names=frozenset(name.lower() for name in repositories))
