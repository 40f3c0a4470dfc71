"""Recognise known errors among a scan's findings: one to one, in phases from sure to likely.

Measured on real histories (docs/identity.md). Within a file: the same line in the same scope (G),
the same flagged text in the same scope (F), the same lines around, the same flagged text, and at
last the place where the error would be when everything around it moved as its neighbours did.
Then across files, for code that was moved. The time is near to linear in the number of errors.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from kova.analysis.alignment import align
from kova.analysis.finding import Finding, Traits

_MANY_PLACES: Final = 20
_LIKE: Final = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Sighting:
    """An error where it was seen last, or a finding where it is seen now.

    `settled` marks a fixed error: it comes back only by a strong trait in its own file. `movable`
    is false for one of a file that was not analysed again: it cannot have gone elsewhere.
    """

    analyzer: str
    rule_id: str
    path: str
    line: int
    column: int
    traits: Traits
    settled: bool = False
    movable: bool = True


Key = Callable[[Sighting, str], Hashable]


def recognise(
    known: Sequence[Sighting],
    found: Sequence[Sighting],
    *,
    moved: Mapping[str, str] | None = None,
    gone: frozenset[str] = frozenset(),
) -> dict[int, int]:
    """Return the index of the known error by the index of the finding that it is.

    Args:
        known: errors that a finding may be.
        found: findings of one scan.
        moved: new path by old path, where a rename is known.
        gone: paths that are no longer in the tree; of these a rename may be guessed.
    """
    matcher = _Matcher(known, found, dict(moved or {}))
    live, settled = matcher.split()
    matcher.within_files(live)
    matcher.by_place(live)
    matcher.returned(settled)
    if matcher.guess_renames(gone):
        matcher.within_files(live)
    matcher.across_files(live)
    return matcher.matches


def _traits(name: str, *, anywhere: bool = False) -> Key:
    def key(one: Sighting, path: str) -> Hashable:
        place = "" if anywhere else path
        return (one.analyzer, one.rule_id, place, getattr(one.traits, name))

    return key


class _Matcher:
    def __init__(
        self, known: Sequence[Sighting], found: Sequence[Sighting], moved: dict[str, str]
    ) -> None:
        self.known = known
        self.found = found
        self.matches: dict[int, int] = {}
        self._taken: set[int] = set()
        self._moved = moved
        self._anchors: dict[str, list[tuple[int, int]]] = {}

    def split(self) -> tuple[list[int], list[int]]:
        """Return known errors that live, and those that are fixed, in order of place."""
        order = sorted(range(len(self.known)), key=lambda index: _place(self.known[index]))
        live = [index for index in order if not self.known[index].settled]
        return live, [index for index in order if self.known[index].settled]

    def within_files(self, live: Sequence[int]) -> None:
        """Match by traits in the same file, the unmistakable ones first."""
        for name in ("line", "scope", "window", "match"):
            self._phase(live, _traits(name))

    def returned(self, settled: Sequence[int]) -> None:
        """Let fixed errors come back to where they were."""
        for name in ("line", "scope"):
            self._phase(settled, _traits(name))

    def by_place(self, live: Sequence[int]) -> None:
        """Match what stands where a known error should stand: its text was changed."""
        anchors = self._anchors
        groups = self._groups(
            live,
            lambda one, path: (one.analyzer, one.rule_id, path, _expected(anchors, path, one.line)),
            lambda one, path: (one.analyzer, one.rule_id, path, one.line),
        )
        for old, new in groups:
            if len(old) == len(new):
                self._take(zip(old, new, strict=True))

    def across_files(self, live: Sequence[int]) -> None:
        """Match code that was moved to another file: only what cannot be mistaken."""
        for key in (_traits("line", anywhere=True), _traits("window", anywhere=True)):
            movable = [index for index in live if self.known[index].movable]
            for old, new in self._groups(movable, key):
                one_file = len({self.known[index].path for index in old}) == 1
                other_file = len({self.found[index].path for index in new}) == 1
                if len(old) == len(new) and one_file and other_file:
                    self._take(zip(old, new, strict=True))

    def guess_renames(self, gone: frozenset[str]) -> bool:
        """Guess where a vanished file went from the lines that its errors share with another's.

        At least half of its errors must be there, and the other file must have had none.
        """
        before = len(self._moved)
        places: dict[Hashable, set[str]] = defaultdict(set)
        for index, one in enumerate(self.found):
            if index not in self.matches:
                places[(one.analyzer, one.rule_id, one.traits.line)].add(one.path)
        had_errors = {one.path for one in self.known if not one.settled}
        votes: Counter[tuple[str, str]] = Counter()
        errors: Counter[str] = Counter()
        for index, one in enumerate(self.known):
            if one.path in gone and one.path not in self._moved and index not in self._taken:
                if one.settled:
                    continue
                errors[one.path] += 1
                there = places.get((one.analyzer, one.rule_id, one.traits.line), set())
                if len(there) <= _MANY_PLACES:
                    votes.update((one.path, path) for path in there - had_errors)
        taken = set(self._moved.values())
        for (old, new), number in sorted(votes.items(), key=_likeliest):
            if old not in self._moved and new not in taken and number >= _LIKE * errors[old]:
                self._moved[old] = new
                taken.add(new)
        return len(self._moved) > before

    def _phase(self, candidates: Sequence[int], key: Key) -> None:
        several = []
        for old, new in self._groups(candidates, key):
            if len(old) == len(new) == 1:
                self._take([(old[0], new[0])])
            else:
                several.append((old, new))
        self._anchor()
        for old, new in several:
            self._take(self._same_window(old, new))
            left = [index for index in old if index not in self._taken]
            free = [index for index in new if index not in self.matches]
            path = self.found[new[0]].path
            expected = [_expected(self._anchors, path, self.known[index].line) for index in left]
            lines = [self.found[index].line for index in free]
            self._take((left[one], free[other]) for one, other in align(expected, lines))
        if several:
            self._anchor()

    def _same_window(self, old: Sequence[int], new: Sequence[int]) -> list[tuple[int, int]]:
        """Return pairs of equal findings whose surroundings tell them apart."""
        windows: dict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        for index in old:
            windows[self.known[index].traits.window][0].append(index)
        for index in new:
            windows[self.found[index].traits.window][1].append(index)
        return [
            (mine[0], theirs[0])
            for mine, theirs in windows.values()
            if len(mine) == len(theirs) == 1
        ]

    def _groups(
        self, candidates: Sequence[int], key: Key, key_of_found: Key | None = None
    ) -> list[tuple[list[int], list[int]]]:
        """Return unmatched known errors and findings of equal keys, each in order of place."""
        groups: dict[Hashable, tuple[list[int], list[int]]] = {}
        for index in candidates:
            if index not in self._taken:
                one = self.known[index]
                path = self._moved.get(one.path, one.path)
                groups.setdefault(key(one, path), ([], []))[0].append(index)
        order = (index for index in range(len(self.found)) if index not in self.matches)
        for index in sorted(order, key=lambda index: _place(self.found[index])):
            one = self.found[index]
            group = groups.get((key_of_found or key)(one, one.path))
            if group is not None:
                group[1].append(index)
        return [(old, new) for old, new in groups.values() if new]

    def _take(self, pairs: Iterable[tuple[int, int]]) -> None:
        for old, new in pairs:
            self._taken.add(old)
            self.matches[new] = old

    def _anchor(self) -> None:
        """Note where lines went, by the pairs that are sure."""
        anchors: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for new, old in self.matches.items():
            anchors[self.found[new].path].append((self.known[old].line, self.found[new].line))
        self._anchors = {path: sorted(pairs) for path, pairs in anchors.items()}


def _expected(anchors: Mapping[str, list[tuple[int, int]]], path: str, line: int) -> int:
    """Return where a line should be now: moved as the nearest known line above it, or below."""
    pairs = anchors.get(path)
    if not pairs:
        return line
    index = max(bisect_right(pairs, (line, 1 << 62)) - 1, 0)
    old, new = pairs[index]
    return line + new - old


def _place(one: Sighting) -> tuple[str | int | bool, ...]:
    """Return what orders sightings; two that differ in anything have one order, always."""
    traits = one.traits
    return (
        *(one.path, one.line, one.column, one.analyzer, one.rule_id),
        *(traits.line, traits.scope, traits.window, traits.match, one.movable),
    )


def _likeliest(item: tuple[tuple[str, str], int]) -> tuple[int, bool, str, str]:
    (old, new), number = item
    return (-number, PurePosixPath(old).name != PurePosixPath(new).name, old, new)


def sighting(finding: Finding) -> Sighting:
    """Return what the matcher sees of a finding."""
    assert finding.traits is not None
    return Sighting(
        analyzer=finding.analyzer,
        rule_id=finding.rule_id,
        path=finding.path,
        line=finding.span.start_line,
        column=finding.span.start_column,
        traits=finding.traits,
    )
