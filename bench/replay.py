"""Walk a git history as scans would and count the identities that are lost, swapped or false.

    python -m bench.replay PATH_OF_GIT_DIR --commits 1000 [--no-renames]

The truth is git's own diff: where a line was not touched, an error on it is the same error.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from bench.git_history import Change, GitHistory
from kova.analysis.finding import Finding
from kova.analysis.matching import recognise, sighting_of
from kova.analysis.run_analyzers import AnalyzeTree
from kova.bootstrap.analyzers import local_analyzers


@dataclass(frozen=True, kw_only=True)
class TrackedError:
    """An error with the number that is its identity."""

    identity: int
    finding: Finding
    fixed: bool = False


class Replay:
    """Follows the errors of one history."""

    def __init__(self, history: GitHistory, analyze: AnalyzeTree, *, renames: bool) -> None:
        self._history = history
        self._analyze = analyze
        self._renames = renames
        self._errors: dict[str, list[TrackedError]] = {}
        self._next = 0
        self.counts: Counter[str] = Counter()
        self.examples: list[str] = []

    def start(self, commit: str) -> None:
        """Find the errors of the first commit."""
        self._apply(commit, list(self._history.files(commit)))

    def step(self, before: str, after: str) -> None:
        """Follow the errors over one more commit."""
        self._apply(after, self._history.changes(before, after))
        self.counts["commits"] += 1

    def _apply(self, commit: str, changes: Sequence[Change]) -> None:
        code_changes = [
            change for change in changes if self._handles(change.old) or self._handles(change.new)
        ]
        old_paths = {change.old for change in code_changes if change.old}
        known_errors = [error for path in sorted(old_paths) for error in self._errors.get(path, ())]
        findings = self._find(code_changes)
        deleted_paths = old_paths - {change.new for change in code_changes}
        moved = {
            change.old: change.new
            for change in code_changes
            if change.renamed and change.old and change.new
        }
        matches = recognise(
            [replace(sighting_of(error.finding), settled=error.fixed) for error in known_errors],
            [sighting_of(finding) for finding in findings],
            moved=moved if self._renames else {},
            deleted=frozenset(deleted_paths),
        )
        now = [
            self._track(known_errors, matches, index, finding)
            for index, finding in enumerate(findings)
        ]
        self._judge(commit, code_changes, known_errors, now)
        identities = {error.identity for error in now}
        fixed_errors = [
            TrackedError(identity=error.identity, finding=error.finding, fixed=True)
            for error in known_errors
        ]
        for path in old_paths:
            self._errors.pop(path, None)
        for error in [*now, *(error for error in fixed_errors if error.identity not in identities)]:
            self._errors.setdefault(error.finding.path, []).append(error)

    def _handles(self, path: str | None) -> bool:
        return path is not None and self._analyze.handles(path)

    def _find(self, changes: Iterable[Change]) -> list[Finding]:
        with tempfile.TemporaryDirectory(prefix="kova-replay-") as name:
            folder, paths = Path(name), []
            for change in changes:
                if change.new is not None and change.blob and self._handles(change.new):
                    target = folder / change.new
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(self._history.blob(change.blob))
                    paths.append(change.new)
            return list(self._analyze.analyze(folder, paths).findings) if paths else []

    def _track(
        self,
        known_errors: Sequence[TrackedError],
        matches: dict[int, int],
        index: int,
        finding: Finding,
    ) -> TrackedError:
        if index in matches:
            return TrackedError(identity=known_errors[matches[index]].identity, finding=finding)
        self._next += 1
        return TrackedError(identity=self._next, finding=finding)

    def _judge(
        self,
        commit: str,
        changes: Sequence[Change],
        known_errors: Sequence[TrackedError],
        now: Sequence[TrackedError],
    ) -> None:
        by_place = dict(zip(_number_places([error.finding for error in now]), now, strict=True))
        places = _number_places([error.finding for error in known_errors])
        identities = {error.identity for error in now}
        by_path = {change.old: change for change in changes if change.old and change.new}
        for old, (*_, ordinal) in zip(known_errors, places, strict=True):
            change = by_path.get(old.finding.path)
            if old.fixed or change is None or change.new is None:
                continue
            span = old.finding.span
            lines = {change.new_line(n) for n in range(span.start_line, span.end_line + 1)}
            line = change.new_line(span.start_line)
            if None in lines or line is None:
                continue
            new = by_place.get((*_place(old.finding, change.new, line), ordinal))
            if new is None:
                continue
            kinds = ["renamed"] if change.renamed else []
            self.counts.update(["untouched", *kinds])
            self.counts["fingerprint_changed"] += new.finding.fingerprint != old.finding.fingerprint
            if new.identity == old.identity:
                continue
            verdict = "swapped" if old.identity in identities else "lost"
            self.counts.update([verdict, *(f"renamed_{verdict}" for _ in kinds)])
            self.examples.append(
                f"{verdict} {commit[:10]} {old.finding.rule_id} {_place(old.finding)}"
            )
            self.counts["false_new"] += new.identity not in {
                error.identity for error in known_errors
            }


def _number_places(findings: Sequence[Finding]) -> list[tuple[object, ...]]:
    """Return places, those of findings that begin at the same one numbered by their ends."""
    order = sorted(range(len(findings)), key=lambda index: _end(findings[index]))
    counts: Counter[tuple[object, ...]] = Counter()
    places: dict[int, tuple[object, ...]] = {}
    for index in order:
        place = _place(findings[index])
        places[index] = (*place, counts[place])
        counts[place] += 1
    return [places[index] for index in range(len(findings))]


def _end(finding: Finding) -> tuple[int, int, str]:
    return finding.span.end_line, finding.span.end_column, finding.message


def _place(
    finding: Finding, path: str | None = None, line: int | None = None
) -> tuple[object, ...]:
    span = finding.span
    return (
        finding.analyzer,
        finding.rule_id,
        path or finding.path,
        line or span.start_line,
        span.start_column,
        finding.message if finding.rule_id == "F401" else "",
    )


def _share(part: int, total: int) -> str:
    return f"{part} of {total} ({100 * part / total:.3f} %)" if total else f"{part} of 0"


def main() -> None:
    """Print the counts of one history."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("path", type=Path)
    parser.add_argument("--commits", type=int, default=400)
    parser.add_argument("--no-renames", action="store_true", help="as if GitHub told no renames")
    parser.add_argument("--examples", type=int, default=0)
    options = parser.parse_args()
    started = time.monotonic()
    with GitHistory(options.path) as history:
        replay = Replay(history, AnalyzeTree(local_analyzers()), renames=not options.no_renames)
        commits = history.commits(options.commits + 1)
        replay.start(commits[0])
        for before, after in pairwise(commits):
            replay.step(before, after)
    counts = replay.counts
    seconds = time.monotonic() - started
    print(f"{options.path.parent.name}: {counts['commits']} commits, {seconds:.0f} s")
    untouched = counts["untouched"]
    for name in ("lost", "swapped", "false_new", "fingerprint_changed"):
        print(f"  {name:20} {_share(counts[name], untouched)}")
    kept_count = counts["renamed"] - counts["renamed_lost"] - counts["renamed_swapped"]
    print(f"  {'kept when renamed':20} {_share(kept_count, counts['renamed'])}")
    for line in replay.examples[: options.examples]:
        print(f"  {line}")


if __name__ == "__main__":
    main()
