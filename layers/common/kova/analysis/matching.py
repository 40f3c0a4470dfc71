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
    """The place and traits of a known error when it was last seen, or of a finding now.

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
    known_errors: Sequence[Sighting],
    findings: Sequence[Sighting],
    *,
    moved: Mapping[str, str] | None = None,
    deleted: frozenset[str] = frozenset(),
) -> dict[int, int]:
    """Return the index of the known error by the index of the finding that it is.

    Args:
        known_errors: errors that a finding may be.
        findings: findings of one scan.
        moved: new path by old path, where a rename is known.
        deleted: paths that are no longer in the tree; of these a rename may be guessed.
    """
    matcher = _Matcher(known_errors, findings, dict(moved or {}))
    live, settled = matcher.split()
    matcher.match_within_files(live)
    matcher.match_by_place(live)
    matcher.match_returned(settled)
    if matcher.guess_renames(deleted):
        matcher.match_within_files(live)
    matcher.match_across_files(live)
    return matcher.matches


def _trait_key(name: str, *, anywhere: bool = False) -> Key:
    def key(sighting: Sighting, path: str) -> Hashable:
        place = "" if anywhere else path
        return (sighting.analyzer, sighting.rule_id, place, getattr(sighting.traits, name))

    return key


class _Matcher:
    def __init__(
        self, known_errors: Sequence[Sighting], findings: Sequence[Sighting], moved: dict[str, str]
    ) -> None:
        self.errors = known_errors
        self.findings = findings
        self.matches: dict[int, int] = {}
        self._matched_errors: set[int] = set()
        self._moved = moved
        self._anchors: dict[str, list[tuple[int, int]]] = {}

    def split(self) -> tuple[list[int], list[int]]:
        """Return the indices of errors that are not fixed and of fixed ones, in order of place."""
        order = sorted(range(len(self.errors)), key=lambda index: _place(self.errors[index]))
        live = [index for index in order if not self.errors[index].settled]
        return live, [index for index in order if self.errors[index].settled]

    def match_within_files(self, live: Sequence[int]) -> None:
        """Match by traits in the same file, the unmistakable ones first."""
        for name in ("line", "scope", "window", "match"):
            self._match_by(live, _trait_key(name))

    def match_returned(self, settled: Sequence[int]) -> None:
        """Match fixed errors that came back to their own file."""
        for name in ("line", "scope"):
            self._match_by(settled, _trait_key(name))

    def match_by_place(self, live: Sequence[int]) -> None:
        """Match a finding where a known error is expected: its text was changed."""
        anchors = self._anchors
        groups = self._group(
            live,
            lambda error, path: (
                error.analyzer,
                error.rule_id,
                path,
                _expected_line(anchors, path, error.line),
            ),
            lambda finding, path: (finding.analyzer, finding.rule_id, path, finding.line),
        )
        for old, new in groups:
            if len(old) == len(new):
                self._add(zip(old, new, strict=True))

    def match_across_files(self, live: Sequence[int]) -> None:
        """Match code that was moved to another file: only what cannot be mistaken."""
        for key in (_trait_key("line", anywhere=True), _trait_key("window", anywhere=True)):
            movable = [index for index in live if self.errors[index].movable]
            for old, new in self._group(movable, key):
                old_paths = {self.errors[index].path for index in old}
                new_paths = {self.findings[index].path for index in new}
                if len(old) == len(new) and len(old_paths) == len(new_paths) == 1:
                    self._add(zip(old, new, strict=True))

    def guess_renames(self, deleted: frozenset[str]) -> bool:
        """Guess where a deleted file went from the lines that its errors share with another's.

        At least half of its errors must be there, and that file must have had none.
        """
        before = len(self._moved)
        places: dict[Hashable, set[str]] = defaultdict(set)
        for index, finding in enumerate(self.findings):
            if index not in self.matches:
                places[(finding.analyzer, finding.rule_id, finding.traits.line)].add(finding.path)
        had_errors = {error.path for error in self.errors if not error.settled}
        votes: Counter[tuple[str, str]] = Counter()
        errors: Counter[str] = Counter()
        for index, error in enumerate(self.errors):
            if error.settled or error.path not in deleted:
                continue
            if error.path in self._moved or index in self._matched_errors:
                continue
            errors[error.path] += 1
            paths = places.get((error.analyzer, error.rule_id, error.traits.line), set())
            if len(paths) <= _MANY_PLACES:
                votes.update((error.path, path) for path in paths - had_errors)
        targets = set(self._moved.values())
        for (old, new), number in sorted(votes.items(), key=_likeliest):
            if old not in self._moved and new not in targets and number >= _LIKE * errors[old]:
                self._moved[old] = new
                targets.add(new)
        return len(self._moved) > before

    def _match_by(self, candidates: Sequence[int], key: Key) -> None:
        several = []
        for old, new in self._group(candidates, key):
            if len(old) == len(new) == 1:
                self._add([(old[0], new[0])])
            else:
                several.append((old, new))
        self._update_anchors()
        for old, new in several:
            self._add(self._pair_by_window(old, new))
            remaining_errors = [index for index in old if index not in self._matched_errors]
            remaining_findings = [index for index in new if index not in self.matches]
            path = self.findings[new[0]].path
            expected = [
                _expected_line(self._anchors, path, self.errors[index].line)
                for index in remaining_errors
            ]
            lines = [self.findings[index].line for index in remaining_findings]
            self._add(
                (remaining_errors[error_index], remaining_findings[finding_index])
                for error_index, finding_index in align(expected, lines)
            )
        if several:
            self._update_anchors()

    def _pair_by_window(self, old: Sequence[int], new: Sequence[int]) -> list[tuple[int, int]]:
        """Return pairs of equal findings whose surroundings tell them apart."""
        windows: dict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        for index in old:
            windows[self.errors[index].traits.window][0].append(index)
        for index in new:
            windows[self.findings[index].traits.window][1].append(index)
        return [
            (old_indices[0], new_indices[0])
            for old_indices, new_indices in windows.values()
            if len(old_indices) == len(new_indices) == 1
        ]

    def _group(
        self, candidates: Sequence[int], key: Key, finding_key: Key | None = None
    ) -> list[tuple[list[int], list[int]]]:
        """Return unmatched known errors and findings of equal keys, each in order of place."""
        groups: dict[Hashable, tuple[list[int], list[int]]] = {}
        for index in candidates:
            if index not in self._matched_errors:
                error = self.errors[index]
                path = self._moved.get(error.path, error.path)
                groups.setdefault(key(error, path), ([], []))[0].append(index)
        order = (index for index in range(len(self.findings)) if index not in self.matches)
        for index in sorted(order, key=lambda index: _place(self.findings[index])):
            finding = self.findings[index]
            group = groups.get((finding_key or key)(finding, finding.path))
            if group is not None:
                group[1].append(index)
        return [(old, new) for old, new in groups.values() if new]

    def _add(self, pairs: Iterable[tuple[int, int]]) -> None:
        for old, new in pairs:
            self._matched_errors.add(old)
            self.matches[new] = old

    def _update_anchors(self) -> None:
        """Record from the matches so far where lines moved."""
        anchors: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for new, old in self.matches.items():
            anchors[self.findings[new].path].append(
                (self.errors[old].line, self.findings[new].line)
            )
        self._anchors = {path: sorted(pairs) for path, pairs in anchors.items()}


def _expected_line(anchors: Mapping[str, list[tuple[int, int]]], path: str, line: int) -> int:
    """Return where a line should be now: moved as the nearest known line above it, or below."""
    pairs = anchors.get(path)
    if not pairs:
        return line
    index = max(bisect_right(pairs, (line, 1 << 62)) - 1, 0)
    old, new = pairs[index]
    return line + new - old


def _place(sighting: Sighting) -> tuple[str | int | bool, ...]:
    """Return what orders sightings; two that differ in anything have one order, always."""
    traits = sighting.traits
    return (
        *(sighting.path, sighting.line, sighting.column, sighting.analyzer, sighting.rule_id),
        *(traits.line, traits.scope, traits.window, traits.match, sighting.movable),
    )


def _likeliest(vote: tuple[tuple[str, str], int]) -> tuple[int, bool, str, str]:
    (old, new), number = vote
    return (-number, PurePosixPath(old).name != PurePosixPath(new).name, old, new)


def sighting_of(finding: Finding) -> Sighting:
    """Return the parts of a finding that the matcher compares."""
    assert finding.traits is not None
    return Sighting(
        analyzer=finding.analyzer,
        rule_id=finding.rule_id,
        path=finding.path,
        line=finding.span.start_line,
        column=finding.span.start_column,
        traits=finding.traits,
    )
