"""What a change introduces: findings of its head that its base does not have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kova.analysis.finding import Finding
from kova.analysis.matching import recognise, sighting_of


def select_introduced(
    head: Sequence[Finding], base: Sequence[Finding], renamed: Mapping[str, str]
) -> tuple[Finding, ...]:
    """Return the findings of `head` that are none of those of `base`.

    Args:
        head: findings of the changed files at the head.
        base: findings of the same files at the base.
        renamed: old path by new path.
    """
    matches = recognise(
        [sighting_of(finding) for finding in base],
        [sighting_of(finding) for finding in head],
        moved={old: new for new, old in renamed.items()},
    )
    return tuple(finding for index, finding in enumerate(head) if index not in matches)
