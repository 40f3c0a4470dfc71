"""Prove a fix before anyone sees it: steps 1 to 6, fail-closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kova.domain import proof
from kova.domain.finding import Finding
from kova.domain.fix import FixStatus, ProvedFix, Step, Strategy, Verification
from kova.domain.source_text import SourceText
from kova.ports.analyzer import AnalyzerRun
from kova.ports.syntax import Outline, SyntaxReader
from kova.usecases.analyze_tree import AnalyzeTree


class _RejectedError(Exception):
    """A step of the proof failed."""


@dataclass(frozen=True, kw_only=True)
class FileState:
    """A file as it stands: its text, what the analysers say of it, what it defines."""

    path: str
    source: SourceText
    findings: tuple[Finding, ...]
    outline: Outline | None


class ProveFix:
    """Takes one finding's edit through the proof."""

    def __init__(self, *, analyze: AnalyzeTree, syntax: Sequence[SyntaxReader]) -> None:
        """Take the full set of analysers and the parsers of the languages."""
        self._analyze = analyze
        self._syntax = syntax

    def examine(self, path: str, source: SourceText) -> FileState | None:
        """Analyse a file as it stands; None when an analyser did not finish on it."""
        run = self._analyze.text(path, source)
        if not run.completed:
            return None
        outline = self._outline(path, source)
        return FileState(path=path, source=source, findings=run.findings, outline=outline)

    def prove(self, state: FileState, finding: Finding) -> tuple[ProvedFix, FileState | None]:
        """Return the fix with its proof, and the file's new state when it is verified."""
        steps: list[Verification] = []
        try:
            new_state = self._take_steps(state, finding, steps)
        except _RejectedError:
            return self._outcome(state, finding, steps, None), None
        return self._outcome(state, finding, steps, new_state), new_state

    def _take_steps(
        self, state: FileState, finding: Finding, steps: list[Verification]
    ) -> FileState:
        before = state.source
        after, detail = proof.check_applies(before, finding)
        _record(steps, Step.APPLIES, after is not None, detail)
        assert after is not None
        outline = self._outline(state.path, after)
        parsed = outline is not None
        _record(steps, Step.PARSES, parsed, "The file parses." if parsed else "It does not parse.")
        run = self._analyze.text(state.path, after)
        self._check_gone(state, finding, after, run, steps)
        new = proof.new_findings(state.findings, run.findings)
        detail = f"New: {', '.join(new)}." if new else "The analysers report nothing new."
        _record(steps, Step.NO_NEW_FINDINGS, not new, detail)
        _check_names(state, after, outline, steps)
        _check_interface(state, finding, outline, steps)
        return FileState(path=state.path, source=after, findings=run.findings, outline=outline)

    def _check_gone(
        self,
        state: FileState,
        finding: Finding,
        after: SourceText,
        run: AnalyzerRun,
        steps: list[Verification],
    ) -> None:
        if not run.completed:
            _record(steps, Step.FINDING_GONE, False, "The analyser did not finish.")
        if proof.silenced(state.source.text, after.text):
            _record(steps, Step.FINDING_GONE, False, "The edit silences a tool by a comment.")
        gone = proof.is_gone(finding, state.findings, run.findings)
        detail = "no longer reports it" if gone else "still reports it"
        _record(steps, Step.FINDING_GONE, gone, f"{finding.analyzer} {detail}.")

    def _outline(self, path: str, source: SourceText) -> Outline | None:
        for reader in self._syntax:
            if reader.handles(path):
                return reader.outline(source.text)
        return None

    def _outcome(
        self,
        state: FileState,
        finding: Finding,
        steps: list[Verification],
        new_state: FileState | None,
    ) -> ProvedFix:
        patch = ""
        after, _ = proof.check_applies(state.source, finding)
        if after is not None:
            patch = proof.unified_diff(state.path, state.source.text, after.text)
        return ProvedFix(
            finding=replace(finding, path=state.path),
            strategy=Strategy.DETERMINISTIC,
            status=FixStatus.VERIFIED if new_state else FixStatus.REJECTED,
            safe=finding.edit is not None and finding.edit.safe,
            patch=patch,
            verification=tuple(steps),
            rejection=None if new_state else f"{steps[-1].step}: {steps[-1].detail}",
        )


def _record(steps: list[Verification], step: Step, passed: bool, detail: str) -> None:
    steps.append(Verification(step=step, passed=passed, detail=detail))
    if not passed:
        raise _RejectedError


def _check_names(
    state: FileState, after: SourceText, outline: Outline | None, steps: list[Verification]
) -> None:
    assert outline is not None
    known = state.outline.imports if state.outline else frozenset()
    imports = proof.new_imports(known, outline.imports)
    dangers = proof.new_dangers(state.source.text, after.text)
    problems = [f"new import {one}" for one in imports] + [f"new use of {one}" for one in dangers]
    detail = "; ".join(problems) or "No unknown import and no undefined name."
    _record(steps, Step.NO_NEW_NAMES, not problems, detail)


def _check_interface(
    state: FileState, finding: Finding, outline: Outline | None, steps: list[Verification]
) -> None:
    assert outline is not None
    if state.outline is None:
        _record(steps, Step.PUBLIC_INTERFACE_KEPT, False, "The file did not parse before.")
        return
    changed = sorted(
        name
        for name, signature in state.outline.definitions.items()
        if outline.definitions.get(name) != signature
    )
    changed += sorted(state.outline.names - outline.names)
    if finding.scope and finding.scope in state.outline.definitions:
        kept = finding.scope in outline.definitions
        changed += [] if kept else [finding.scope]
    detail = f"Changed: {', '.join(changed[:5])}." if changed else "Every definition is kept."
    _record(steps, Step.PUBLIC_INTERFACE_KEPT, not changed, detail)
