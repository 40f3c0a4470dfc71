"""Propose fixes for a file's findings, prove each, and combine those that hold together."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kova.domain.finding import Finding, TextEdit
from kova.domain.fix import FileFix, FixStatus, ProvedFix
from kova.domain.source_text import EditError, SourceText, decode
from kova.usecases.prove_fix import FileState, ProveFix


@dataclass(frozen=True, kw_only=True)
class FileOutcome:
    """All outcomes of one file, and its content with the safe ones together, if there is any."""

    fixes: tuple[ProvedFix, ...]
    combined: FileFix | None


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """All outcomes, and per file the content that carries the safe ones together."""

    fixes: tuple[ProvedFix, ...]
    files: tuple[FileFix, ...]

    @classmethod
    def of(cls, outcomes: Mapping[str, FileOutcome]) -> Proposal:
        """Return the proposal of some files, by path."""
        chosen = [outcomes[path] for path in sorted(outcomes)]
        return cls(
            fixes=tuple(fix for one in chosen for fix in one.fixes),
            files=tuple(one.combined for one in chosen if one.combined is not None),
        )


class ProposeFixes:
    """Deterministic fixes for findings that carry an edit."""

    def __init__(
        self,
        prove: ProveFix,
        *,
        most: int = 500,
        unsafe: bool = True,
        seconds: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the prover, the bounds of one scan, and whether to try unsafe edits.

        Unsafe edits are proved and shown, never combined into files. What is beyond the most, or
        was not begun when the time is up, is left to the next scan.
        """
        self._seconds = seconds
        self._clock = clock
        self._prove = prove
        self._most = most
        self._unsafe = unsafe

    def run(
        self,
        folder: Path,
        findings: Iterable[Finding],
        progress: Callable[[ProvedFix], None] | None = None,
    ) -> Proposal:
        """Prove the edits of findings of the files below a folder."""
        return Proposal.of(self.by_file(folder, findings, progress))

    def by_file(
        self,
        folder: Path,
        findings: Iterable[Finding],
        progress: Callable[[ProvedFix], None] | None = None,
    ) -> dict[str, FileOutcome]:
        """Prove the same, told file by file; a file that is beyond the most is not in it."""
        chosen = sorted(
            (one for one in findings if one.edit and (one.edit.safe or self._unsafe)),
            key=lambda one: (not (one.edit and one.edit.safe), one.path, one.span),
        )[: self._most]
        groups: dict[str, list[Finding]] = defaultdict(list)
        for finding in chosen:
            groups[finding.path].append(finding)
        deadline = self._clock() + self._seconds
        outcomes = {
            path: self._file(folder, path, groups[path], progress, deadline)
            for path in sorted(groups)
            if self._clock() < deadline
        }
        return {path: one for path, one in outcomes.items() if one is not None}

    def _file(
        self,
        folder: Path,
        path: str,
        findings: Sequence[Finding],
        progress: Callable[[ProvedFix], None] | None,
        deadline: float,
    ) -> FileOutcome | None:
        source = decode((folder / path).read_bytes())
        state = self._prove.examine(path, source) if source else None
        if state is None:
            return None  # An analyser did not finish: there is nothing to compare with.
        fixes: list[ProvedFix] = []
        for finding in findings:
            if self._clock() >= deadline:
                break
            fix, _ = self._prove.prove(state, finding)
            fixes.append(fix)
            if progress:
                progress(fix)
        safe = [fix for fix in fixes if fix.status is FixStatus.VERIFIED and fix.safe]
        return FileOutcome(fixes=tuple(fixes), combined=self._combine(state, safe))

    def _combine(self, state: FileState, fixes: Sequence[ProvedFix]) -> FileFix | None:
        """Apply fixes one upon the other; each must hold on what the ones before it made.

        Edits are taken from the end of the file to its beginning, so that the places of those
        still to come stay true; one that overlaps what was applied waits for a later scan.
        """
        current, taken = state, list[ProvedFix]()
        applied: list[tuple[int, int]] = []
        for fix in sorted(fixes, key=lambda one: one.finding.span, reverse=True):
            assert fix.finding.edit is not None
            if any(fix.finding.edit == other.finding.edit for other in taken):
                taken.append(fix)  # One edit mends several findings, such as all of one string.
                continue
            ranges = _ranges(state.source, fix.finding.edit.edits)
            above_all = all(end < start for _, end in ranges for start, _ in applied)
            if not above_all:
                continue
            _, proved = self._prove.prove(current, fix.finding)
            if proved is None:
                continue
            current = proved
            taken.append(fix)
            applied += ranges
        if not taken:
            return None
        return FileFix(path=state.path, content=current.source.encode(), fixes=tuple(taken))


def _ranges(source: SourceText, edits: Sequence[TextEdit]) -> list[tuple[int, int]]:
    try:
        return [source.offsets(edit)[:2] for edit in edits]
    except EditError:
        return []
