"""What a change introduces: the findings of its head that its base has not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kova.analysis.finding import Finding
from kova.analysis.matching import recognise, sighting


def introduced(
    head: Sequence[Finding], base: Sequence[Finding], renamed: Mapping[str, str]
) -> tuple[Finding, ...]:
    """Return the findings of `head` that are none of those of `base`.

    Args:
        head: findings of the changed files at the head.
        base: findings of the same files at the base.
        renamed: old path by new path.
    """
    known = recognise(
        [sighting(one) for one in base],
        [sighting(one) for one in head],
        moved={old: new for new, old in renamed.items()},
    )
    return tuple(one for index, one in enumerate(head) if index not in known)
