"""Propose fixes for a file's findings, prove each, and combine those that hold together."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from kova.analysis.analysis import Analysis
from kova.analysis.finding import Finding
from kova.analysis.source_text import decode
from kova.fixes.combine_fixes import combine_fixes
from kova.fixes.fix import FileFixes, ProvedFix
from kova.fixes.prove_fix import FileState, FixCandidate, Proof, ProveFix
from kova.shared.batches import in_batches

_TEXT_MEMORY: Final = 64 * 1024**2
"""What fixes may take that are proved at once, and all fixes of one file in one scan."""
_LINE_MEMORY: Final = 200
"""What a line of a text takes beside its characters, about, in bytes."""


class ProposeFixes:
    """Deterministic fixes for findings that carry an edit."""

    def __init__(
        self,
        prover: ProveFix,
        *,
        max_fixes: int = 500,
        together: int = 50,
        unsafe: bool = True,
        seconds: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set the bounds of one scan.

        Args:
            prover: proves each fix.
            max_fixes: the most fixes of one scan; those beyond are left to the next one.
            together: about how many fixes are proved at once, in whole files.
            unsafe: also prove edits that may change the meaning; they are never combined.
            seconds: after this time no further files are begun; they are left to the next scan.
            clock: in seconds.
        """
        self._seconds = seconds
        self._clock = clock
        self._prover = prover
        self._most = max_fixes
        self._together = together
        self._unsafe = unsafe

    def propose(
        self,
        folder: Path,
        analysis: Analysis,
        paths: Container[str] | None = None,
        *,
        progress: Callable[[ProvedFix], None] | None = None,
    ) -> dict[str, FileFixes]:
        """Prove the fixes of files below a folder; return them by path, in order.

        Files beyond the bounds of one scan are omitted from the result.

        Args:
            folder: where the files are.
            analysis: whose edits are proved.
            paths: the only files whose fixes are proved; None for all that were analysed.
            progress: called with the outcome of each fix.
        """
        paths = analysis.analyzed if paths is None else paths
        fixable = self._fixable(analysis, paths)
        memory = {path: _memory_of(folder / path) for path in fixable}
        fixable = {
            path: group[: max(_TEXT_MEMORY // memory[path], 1)] for path, group in fixable.items()
        }
        findings = _by_path(analysis, fixable)
        deadline = self._clock() + self._seconds
        proposed: dict[str, FileFixes] = {}
        share = _TEXT_MEMORY // self._together
        for batch in in_batches(
            fixable,
            size=lambda path: len(fixable[path]) * max(share, memory[path]),
            limit=_TEXT_MEMORY,
        ):
            if self._clock() >= deadline:
                break
            states = self._states(folder, analysis, {path: findings[path] for path in batch})
            fixable_here = {path: fixable[path] for path in states}
            proposed |= self._prove_files(states, fixable_here, progress)
        return proposed

    def _fixable(self, analysis: Analysis, paths: Container[str]) -> dict[str, list[Finding]]:
        """Return the findings whose edits are proved, by path; those with safe edits come first."""
        fixable = sorted(
            (
                finding
                for finding in analysis.findings
                if finding.edit and (finding.edit.safe or self._unsafe) and finding.path in paths
            ),
            key=lambda finding: (
                not (finding.edit and finding.edit.safe),
                finding.path,
                finding.span,
            ),
        )[: self._most]
        by_path: dict[str, list[Finding]] = defaultdict(list)
        for finding in fixable:
            by_path[finding.path].append(finding)
        return {path: by_path[path] for path in sorted(by_path)}

    def _states(
        self, folder: Path, analysis: Analysis, findings: Mapping[str, Sequence[Finding]]
    ) -> dict[str, FileState]:
        """Return files as they stand, by path; not one that an analyser did not read to the end.

        There is nothing to compare such a file with.
        """
        coverage = {part.name: part for part in analysis.coverage}
        files = []
        for path, file_findings in findings.items():
            source = decode((folder / path).read_bytes())
            read_by_all = all(
                name in coverage and coverage[name].covers(path)
                for name in self._prover.readers(path)
            )
            if source is not None and read_by_all:
                files.append((path, source, file_findings))
        return {state.path: state for state in self._prover.states(files)}

    def _prove_files(
        self,
        states: Mapping[str, FileState],
        findings: Mapping[str, Sequence[Finding]],
        progress: Callable[[ProvedFix], None] | None,
    ) -> dict[str, FileFixes]:
        candidates = [
            FixCandidate.of(states[path], finding) for path in states for finding in findings[path]
        ]
        proofs: dict[str, list[Proof]] = {path: [] for path in states}
        fixes: dict[str, list[ProvedFix]] = {path: [] for path in states}
        for proof in self._prover.prove(candidates):
            path, fix = proof.candidate.state.path, proof.fix()
            proofs[path].append(proof)
            fixes[path].append(fix)
            if progress:
                progress(fix)
        safe = {path: _verified_safe(proofs[path]) for path in proofs}
        combined = combine_fixes(
            self._prover, {path: file_proofs for path, file_proofs in safe.items() if file_proofs}
        )
        return {path: _file_fixes(path, fixes[path], combined.get(path)) for path in states}


def _memory_of(file: Path) -> int:
    """Return how many bytes a fix of a file takes, about, while it is proved."""
    content = file.read_bytes()
    return 4 * len(content) + _LINE_MEMORY * content.count(b"\n") + 1


def _by_path(analysis: Analysis, paths: Iterable[str]) -> dict[str, list[Finding]]:
    """Return all findings of some files, suppressed ones too."""
    by_path: dict[str, list[Finding]] = {path: [] for path in paths}
    for finding in (*analysis.findings, *analysis.suppressed):
        if finding.path in by_path:
            by_path[finding.path].append(finding)
    return by_path


def _verified_safe(proofs: Iterable[Proof]) -> list[Proof]:
    """Return the proofs whose fix is verified and marked safe."""
    return [
        proof
        for proof in proofs
        if proof.state is not None and (edit := proof.candidate.mended[0].edit) and edit.safe
    ]


def _file_fixes(path: str, fixes: Sequence[ProvedFix], combined: Proof | None) -> FileFixes:
    """Return the fixes of a file, given the proof of those that are combined."""
    if combined is None or combined.state is None:
        return FileFixes(path=path, fixes=tuple(fixes))
    fingerprints = {finding.fingerprint for finding in combined.candidate.mended}
    return FileFixes(
        path=path,
        fixes=tuple(fixes),
        combined=tuple(fix for fix in fixes if fix.finding.fingerprint in fingerprints),
        content=combined.state.source.encode(),
    )
