"""Things taken so many together that one call or process can carry them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def in_batches(
    items: Iterable[Item], *, size: Callable[[Item], int], limit: int, count: float = math.inf
) -> Iterator[list[Item]]:
    """Yield the items in their order, in lists that pass neither bound.

    Args:
        items: what is taken; one that is beyond the limit by itself is alone.
        size: how large an item is.
        limit: the most that the sizes of a list may add up to.
        count: the most items of a list.
    """
    batch, held = list[Item](), 0
    for item in items:
        own = size(item)
        if batch and (len(batch) >= count or held + own > limit):
            yield batch
            batch, held = [], 0
        batch.append(item)
        held += own
    if batch:
        yield batch
