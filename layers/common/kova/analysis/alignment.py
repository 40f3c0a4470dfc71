"""Pair two ordered lists of line numbers, without crossing and at the least total distance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_MOST_CELLS: Final = 250_000


def align(expected: Sequence[int], lines: Sequence[int]) -> list[tuple[int, int]]:
    """Return pairs of indices: each line of the shorter list, in order, at the least distance.

    Lists whose table would be too large are paired from their beginnings.
    """
    if len(expected) > len(lines):
        return [
            (expected_index, line_index) for line_index, expected_index in align(lines, expected)
        ]
    room = len(lines) - len(expected)
    if room == 0 or len(expected) * (room + 1) > _MOST_CELLS:
        return [(index, index) for index in range(len(expected))]
    # best[j]: the least sum of distances for the first i expected lines when j of `lines` have
    # been skipped so far.
    best = [0] * (room + 1)
    choices: list[list[int]] = []
    for index, place in enumerate(expected):
        sums: list[int] = []
        skips: list[int] = []
        least, at = best[0], 0
        for skipped in range(room + 1):
            if best[skipped] < least:
                least, at = best[skipped], skipped
            sums.append(least + abs(place - lines[index + skipped]))
            skips.append(at)
        best = sums
        choices.append(skips)
    skipped = min(range(room + 1), key=lambda count: (best[count], count))
    pairs: list[tuple[int, int]] = []
    for index in range(len(expected) - 1, -1, -1):
        pairs.append((index, index + skipped))
        skipped = choices[index][skipped]
    return pairs[::-1]
