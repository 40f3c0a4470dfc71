"""The difference of two lists of lines, in bounded time: both are written by strangers."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, Final

# Pairs of equal lines that difflib may look at: its time is about their number, times the changes.
_MOST_PAIRS: Final = 100_000
# Lines and pairs that it may look at in all. It looks through what is left after each stretch that
# is equal, so that a change at every other line of 50,000 would take an hour.
_MOST_LOOKS: Final = 3_000_000
_CONTEXT: Final = 3

Opcode = tuple[str, int, int, int, int]


class _BoundedMatcher(difflib.SequenceMatcher[str]):
    """Takes what it has no time to compare as replaced."""

    def __init__(self, before: Sequence[str], after: Sequence[str], pairs: Sequence[int]) -> None:
        """`pairs` says of each line of `before` how many of `after` are equal to it."""
        super().__init__(None, before, after, autojunk=False)
        self._pairs_before = list(accumulate(pairs, initial=0))
        self._length = len(before)
        self._looks = _MOST_LOOKS

    def find_longest_match(
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ) -> difflib.Match:
        """Return the longest stretch of equal lines between some lines of each; maybe none."""
        end = self._length if ahi is None else ahi
        self._looks -= end - alo + self._pairs_before[end] - self._pairs_before[alo]
        if self._looks < 0:
            return difflib.Match(alo, blo, 0)
        return super().find_longest_match(alo, ahi, blo, bhi)


class LineDiff(difflib.SequenceMatcher[str]):
    """Compares lines as difflib does; too many equal ones count as one replaced stretch.

    What is equal at the beginning and at the end is set aside first, so that a small edit of a
    large file is cheap.
    """

    def __init__(self, before: Sequence[str], after: Sequence[str]) -> None:
        self._before = before
        self._after = after
        super().__init__(None, (), ())

    def get_opcodes(self) -> list[Any]:
        """Return difflib's opcodes: what happens, and where in either list."""
        before, after = self._before, self._after
        start = _equal(before, after)
        end = _equal(before[start:][::-1], after[start:][::-1])
        middle = before[start : len(before) - end], after[start : len(after) - end]
        opcodes: list[Opcode] = [("equal", 0, start, 0, start)] if start else []
        opcodes += [
            (tag, first + start, last + start, new_first + start, new_last + start)
            for tag, first, last, new_first, new_last in _compare(*middle)
        ]
        if end:
            ends = len(before) - end, len(before), len(after) - end, len(after)
            opcodes.append(("equal", *ends))
        return opcodes


def unified_diff(path: str, before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a patch as difflib.unified_diff does, with `a/` and `b/` before a path."""
    for number, group in enumerate(LineDiff(before, after).get_grouped_opcodes(_CONTEXT)):
        if not number:
            yield f"--- a/{path}\n"
            yield f"+++ b/{path}\n"
        first, last = group[0], group[-1]
        yield f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@\n"
        for tag, start, end, new_start, new_end in group:
            if tag == "equal":
                yield from (f" {line}" for line in before[start:end])
                continue
            yield from (f"-{line}" for line in before[start:end])
            yield from (f"+{line}" for line in after[new_start:new_end])


def _equal(before: Sequence[str], after: Sequence[str]) -> int:
    """Return how many lines are equal from the beginning on."""
    pairs = enumerate(zip(before, after, strict=False))
    shorter = min(len(before), len(after))
    return next((number for number, (old, new) in pairs if old != new), shorter)


def _compare(before: Sequence[str], after: Sequence[str]) -> list[Opcode]:
    if not before and not after:
        return []
    counts = Counter(after)
    if sum(counts[line] for line in before) > _MOST_PAIRS:
        return [("replace", 0, len(before), 0, len(after))]
    matcher = _BoundedMatcher(before, after, [counts[line] for line in before])
    return [tuple(opcode) for opcode in matcher.get_opcodes()]  # type: ignore[misc]


def _range(start: int, end: int) -> str:
    """Return a range of lines as a hunk's head has it: an empty one names the line before."""
    length = end - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"
