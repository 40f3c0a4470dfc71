"""Pages of lists: a limit, and the key of the item after which a page begins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class Position:
    """The last item of a page, by the keys that its list is ordered by (newest first)."""

    at: datetime
    id: str


@dataclass(frozen=True, kw_only=True)
class PageRequest:
    """How many items, and after which one."""

    limit: int = 50
    after: Position | None = None


@dataclass(frozen=True, kw_only=True)
class Page(Generic[Item]):
    """Some items, and where the next page begins, if there is one."""

    items: tuple[Item, ...]
    next: Position | None
