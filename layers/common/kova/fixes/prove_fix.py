"""Prove a fix before anyone sees it: steps 1 to 6, fail-closed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from kova.analysis.finding import Finding
from kova.analysis.ports import AnalyzerRun
from kova.analysis.run_analyzers import AnalyzeTree
from kova.analysis.source_text import SourceText
from kova.fixes import proof
from kova.fixes.fix import FixStatus, ProvedFix, Step, Strategy, Verification
from kova.fixes.outline import Outline
from kova.fixes.ports import SyntaxReader


class _RejectedError(Exception):
    """A step of the proof failed."""


@dataclass(frozen=True, kw_only=True)
class FileState:
    """The text of a file, its findings and its definitions."""

    path: str
    source: SourceText
    findings: tuple[Finding, ...]
    outline: Outline | None


@dataclass(frozen=True, kw_only=True)
class FixCandidate:
    """Edits to prove: those of one finding, or of several that must hold together.

    `edited` are the findings whose edits are applied, none over another's place; every one of
    `mended` must be gone afterwards.
    """

    state: FileState
    edited: tuple[Finding, ...]
    mended: tuple[Finding, ...]

    @classmethod
    def of(cls, state: FileState, finding: Finding) -> FixCandidate:
        """Return one finding's own candidate."""
        return cls(state=state, edited=(finding,), mended=(finding,))


@dataclass(frozen=True, kw_only=True)
class Proof:
    """The steps that a candidate passed. `after`: its edits applied; `state`: it is verified."""

    candidate: FixCandidate
    steps: tuple[Verification, ...]
    after: SourceText | None = None
    state: FileState | None = None

    def fix(self) -> ProvedFix:
        """Return the outcome for the candidate's finding."""
        before, (finding, *_) = self.candidate.state, self.candidate.mended
        patch = ""
        if self.after is not None:
            patch = proof.unified_diff(before.path, before.source.content, self.after.content)
        last = self.steps[-1]
        return ProvedFix(
            finding=replace(finding, path=before.path),
            strategy=Strategy.DETERMINISTIC,
            status=FixStatus.VERIFIED if self.state else FixStatus.REJECTED,
            safe=finding.edit is not None and finding.edit.safe,
            patch=patch,
            verification=self.steps,
            rejection=None if self.state else f"{last.step}: {last.detail}",
        )


class ProveFix:
    """Runs the steps of the proof."""

    def __init__(self, *, analyzers: AnalyzeTree, syntax: Sequence[SyntaxReader]) -> None:
        self._analyzers = analyzers
        self._syntax = syntax

    def readers(self, path: str) -> frozenset[str]:
        """Return the names of the analysers that a proof about such a file asks."""
        return self._analyzers.readers(path)

    def states(self, files: Sequence[tuple[str, SourceText, Iterable[Finding]]]) -> list[FileState]:
        """Return the state of each file, given all of its findings."""
        outlines = self._outlines([(path, source) for path, source, _ in files])
        return [
            FileState(path=path, source=source, findings=tuple(findings), outline=outline)
            for (path, source, findings), outline in zip(files, outlines, strict=True)
        ]

    def prove(self, candidates: Sequence[FixCandidate]) -> list[Proof]:
        """Return the proof of each candidate by itself, in order.

        The analysers run once over all of them: to start a tool is most of what it costs.
        """
        drafts = self._parse([_apply(candidate) for candidate in candidates])
        texts = [
            (draft.state.path, draft.state.source) for draft in drafts if draft.state is not None
        ]
        runs = iter(self._analyzers.analyze_texts(texts))
        return [_judge(draft, next(runs)) if draft.state else draft for draft in drafts]

    def _parse(self, drafts: Sequence[Proof]) -> list[Proof]:
        """Run the second step on the drafts that passed the first; states have no findings yet."""
        files = [
            (draft.candidate.state.path, draft.after) for draft in drafts if draft.after is not None
        ]
        outlines = iter(self._outlines(files))
        return [
            draft if draft.after is None else _check_parsed(draft, draft.after, next(outlines))
            for draft in drafts
        ]

    def _outlines(self, files: Sequence[tuple[str, SourceText]]) -> list[Outline | None]:
        """Return the outline of each file, None where no reader can read it."""
        outlines: list[Outline | None] = [None] * len(files)
        pending = dict(enumerate(files))
        for reader in self._syntax:
            handled = {
                number: (path, source.text)
                for number, (path, source) in pending.items()
                if reader.handles(path)
            }
            for number, outline in zip(
                handled, reader.outlines(list(handled.values())), strict=True
            ):
                outlines[number] = outline
                del pending[number]
        return outlines


def _apply(candidate: FixCandidate) -> Proof:
    """Run the first step; `after` is None where it failed."""
    after, detail = proof.check_applies(candidate.state.source, *candidate.edited)
    step = Verification(step=Step.APPLIES, passed=after is not None, detail=detail)
    return Proof(candidate=candidate, steps=(step,), after=after)


def _check_parsed(draft: Proof, after: SourceText, outline: Outline | None) -> Proof:
    parsed = outline is not None
    detail = "The file parses." if parsed else "It does not parse, or nests too deeply to be read."
    step = Verification(step=Step.PARSES, passed=parsed, detail=detail)
    path = draft.candidate.state.path
    state = FileState(path=path, source=after, findings=(), outline=outline) if parsed else None
    return replace(draft, steps=(*draft.steps, step), state=state)


def _judge(draft: Proof, run: AnalyzerRun) -> Proof:
    """Run the other steps on the draft, given the analysers' findings in the new text."""
    assert draft.state is not None
    before, after = draft.candidate.state, replace(draft.state, findings=run.findings)
    steps = list(draft.steps)
    try:
        _check_gone(draft.candidate, after, run, steps)
        new = proof.rules_reporting_more(before.findings, after.findings)
        detail = f"New: {', '.join(new)}." if new else "The analysers report nothing new."
        _record(steps, Step.NO_NEW_FINDINGS, not new, detail)
        _check_names(before, after, steps)
        _check_interface(draft.candidate, after, steps)
    except _RejectedError:
        return replace(draft, steps=tuple(steps), state=None)
    return replace(draft, steps=tuple(steps), state=after)


def _check_gone(
    candidate: FixCandidate, after: FileState, run: AnalyzerRun, steps: list[Verification]
) -> None:
    if not run.completed:
        _record(steps, Step.FINDING_GONE, False, "The analyser did not finish.")
    if proof.adds_suppression(candidate.state.source.text, after.source.text):
        _record(steps, Step.FINDING_GONE, False, "The edit silences a tool by a comment.")
    mended = proof.are_resolved(candidate.mended, candidate.state.findings, after.findings)
    names = " and ".join(sorted({finding.analyzer for finding in candidate.mended}))
    detail = "no longer reports it" if mended else "still reports it"
    _record(steps, Step.FINDING_GONE, mended, f"{names} {detail}.")


def _check_names(before: FileState, after: FileState, steps: list[Verification]) -> None:
    assert after.outline is not None
    imports_before = before.outline.imports if before.outline else frozenset()
    imports = proof.new_imports(imports_before, after.outline.imports)
    dangers = proof.new_dangers(before.source.text, after.source.text)
    problems = [f"new import {name}" for name in imports]
    problems += [f"new use of {name}" for name in dangers]
    detail = "; ".join(problems) or "No unknown import and no undefined name."
    _record(steps, Step.NO_NEW_NAMES, not problems, detail)


def _check_interface(candidate: FixCandidate, after: FileState, steps: list[Verification]) -> None:
    before, now = candidate.state.outline, after.outline
    assert now is not None
    if before is None:
        _record(steps, Step.PUBLIC_INTERFACE_KEPT, False, "The file did not parse before.")
        return
    changed = sorted(
        name
        for name, signature in before.definitions.items()
        if now.definitions.get(name) != signature
    )
    changed += sorted(before.names - now.names)
    detail = f"Changed: {', '.join(changed[:5])}." if changed else "Every definition is kept."
    _record(steps, Step.PUBLIC_INTERFACE_KEPT, not changed, detail)


def _record(steps: list[Verification], step: Step, passed: bool, detail: str) -> None:
    steps.append(Verification(step=step, passed=passed, detail=detail))
    if not passed:
        raise _RejectedError
