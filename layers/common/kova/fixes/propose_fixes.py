"""Propose fixes for a file's findings, prove each, and combine those that hold together."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kova.analysis.analysis import Analysis
from kova.analysis.finding import Finding
from kova.analysis.source_text import decode
from kova.fixes.combine_fixes import combine_fixes
from kova.fixes.fix import FileFix, ProvedFix
from kova.fixes.prove_fix import Candidate, FileState, Proof, ProveFix
from kova.shared.batches import in_batches


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
        together: int = 50,
        unsafe: bool = True,
        seconds: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the prover, the bounds of one scan, and whether to try unsafe edits.

        Unsafe edits are proved and shown, never combined into files. Whole files are proved
        together, up to about `together` fixes at once; what is beyond the most, or was not begun
        when the time is up, is left to the next scan.
        """
        self._seconds = seconds
        self._clock = clock
        self._prove = prove
        self._most = most
        self._together = together
        self._unsafe = unsafe

    def run(
        self,
        folder: Path,
        analysis: Analysis,
        progress: Callable[[ProvedFix], None] | None = None,
    ) -> Proposal:
        """Prove the edits of the analysis of the files below a folder."""
        return Proposal.of(self.by_file(folder, analysis, analysis.analyzed, progress))

    def by_file(
        self,
        folder: Path,
        analysis: Analysis,
        paths: Container[str],
        progress: Callable[[ProvedFix], None] | None = None,
    ) -> dict[str, FileOutcome]:
        """Prove those of some files, told file by file; a file beyond the bounds is not in it."""
        groups = self._chosen(analysis, paths)
        known = _by_path(analysis, groups)
        deadline = self._clock() + self._seconds
        outcomes: dict[str, FileOutcome] = {}
        for batch in in_batches(groups, size=lambda one: len(groups[one]), limit=self._together):
            if self._clock() >= deadline:
                break
            states = self._states(folder, analysis, {path: known[path] for path in batch})
            outcomes |= self._files(states, {path: groups[path] for path in states}, progress)
        return outcomes

    def _chosen(self, analysis: Analysis, paths: Container[str]) -> dict[str, list[Finding]]:
        chosen = sorted(
            (
                one
                for one in analysis.findings
                if one.edit and (one.edit.safe or self._unsafe) and one.path in paths
            ),
            key=lambda one: (not (one.edit and one.edit.safe), one.path, one.span),
        )[: self._most]
        groups: dict[str, list[Finding]] = defaultdict(list)
        for finding in chosen:
            groups[finding.path].append(finding)
        return {path: groups[path] for path in sorted(groups)}

    def _states(
        self, folder: Path, analysis: Analysis, findings: Mapping[str, Sequence[Finding]]
    ) -> dict[str, FileState]:
        """Return files as they stand; not one that an analyser did not read to the end.

        There is nothing to compare such a file with.
        """
        covered = {one.name: one for one in analysis.coverage}
        states: dict[str, FileState] = {}
        for path, group in findings.items():
            source = decode((folder / path).read_bytes())
            readers = self._prove.readers(path)
            known = all(name in covered and covered[name].covers(path) for name in readers)
            if source is not None and known:
                states[path] = self._prove.state(path, source, group)
        return states

    def _files(
        self,
        states: Mapping[str, FileState],
        findings: Mapping[str, Sequence[Finding]],
        progress: Callable[[ProvedFix], None] | None,
    ) -> dict[str, FileOutcome]:
        single = [Candidate.of(states[path], one) for path in states for one in findings[path]]
        proofs: dict[str, list[Proof]] = {path: [] for path in states}
        fixes: dict[str, list[ProvedFix]] = {path: [] for path in states}
        for proof in self._prove.prove(single):
            path, fix = proof.candidate.state.path, proof.fix()
            proofs[path].append(proof)
            fixes[path].append(fix)
            if progress:
                progress(fix)
        files = combine_fixes(
            self._prove, {path: held for path, group in proofs.items() if (held := _holding(group))}
        )
        return {
            path: FileOutcome(
                fixes=tuple(fixes[path]), combined=_file(files.get(path), fixes[path])
            )
            for path in states
        }


def _by_path(analysis: Analysis, paths: Iterable[str]) -> dict[str, list[Finding]]:
    """Return all that was said of some files, what is silenced too."""
    found: dict[str, list[Finding]] = {path: [] for path in paths}
    for finding in (*analysis.findings, *analysis.suppressed):
        if finding.path in found:
            found[finding.path].append(finding)
    return found


def _holding(proofs: Iterable[Proof]) -> list[Proof]:
    """Return those of verified safe fixes."""
    return [
        one
        for one in proofs
        if one.state is not None and (edit := one.candidate.mended[0].edit) and edit.safe
    ]


def _file(proof: Proof | None, fixes: Sequence[ProvedFix]) -> FileFix | None:
    if proof is None or proof.state is None:
        return None
    held = {one.fingerprint for one in proof.candidate.mended}
    return FileFix(
        path=proof.state.path,
        content=proof.state.source.encode(),
        fixes=tuple(one for one in fixes if one.finding.fingerprint in held),
    )
