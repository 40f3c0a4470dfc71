"""Split a sequence into batches that one call or process can carry."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def in_batches(
    items: Iterable[Item], *, size: Callable[[Item], int], limit: int, count: float = math.inf
) -> Iterator[list[Item]]:
    """Yield the items in their order, in lists that exceed neither bound.

    Args:
        items: what is batched; one that is beyond the limit by itself is alone in its list.
        size: returns how large an item is.
        limit: the most that the sizes of one list may add up to.
        count: the most items of one list.
    """
    batch, batch_size = list[Item](), 0
    for item in items:
        own = size(item)
        if batch and (len(batch) >= count or batch_size + own > limit):
            yield batch
            batch, batch_size = [], 0
        batch.append(item)
        batch_size += own
    if batch:
        yield batch
