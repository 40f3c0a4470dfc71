"""Pair two rows of line numbers without crossing, so that they lie as near as they can."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_MOST_CELLS: Final = 250_000


def align(expected: Sequence[int], lines: Sequence[int]) -> list[tuple[int, int]]:
    """Return pairs of indices: every one of the shorter row, in order, at the least distance.

    Rows whose table would be too large are paired from their beginnings.
    """
    if len(expected) > len(lines):
        return [(one, other) for other, one in align(lines, expected)]
    room = len(lines) - len(expected)
    if room == 0 or len(expected) * (room + 1) > _MOST_CELLS:
        return [(index, index) for index in range(len(expected))]
    # best[j]: the least sum for the first i expected ones with j of the lines left out so far.
    best = [0] * (room + 1)
    choices: list[list[int]] = []
    for index, place in enumerate(expected):
        row: list[int] = []
        chosen: list[int] = []
        least, at = best[0], 0
        for skipped in range(room + 1):
            if best[skipped] < least:
                least, at = best[skipped], skipped
            row.append(least + abs(place - lines[index + skipped]))
            chosen.append(at)
        best = row
        choices.append(chosen)
    skipped = min(range(room + 1), key=lambda one: (best[one], one))
    pairs: list[tuple[int, int]] = []
    for index in range(len(expected) - 1, -1, -1):
        pairs.append((index, index + skipped))
        skipped = choices[index][skipped]
    return pairs[::-1]
