"""Pages of lists in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from kova.shared.page import Page, PageRequest, Position

Item = TypeVar("Item")


def newest_first(
    items: Iterable[Item], request: PageRequest, position_of: Callable[[Item], Position]
) -> Page[Item]:
    """Return a page of the items, newest first; ties are broken by id, as in Postgres."""
    positions = sorted(
        ((position_of(item), item) for item in items),
        key=lambda pair: (pair[0].at, pair[0].id),
        reverse=True,
    )
    if request.after is not None:
        limit = (request.after.at, request.after.id)
        positions = [pair for pair in positions if (pair[0].at, pair[0].id) < limit]
    shown = positions[: request.limit]
    return Page(
        items=tuple(item for _, item in shown),
        next=shown[-1][0] if len(positions) > len(shown) else None,
    )
