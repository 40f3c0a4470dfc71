"""The fixes of a file are put together as far as they hold, and the whole is proved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kova.analysis.finding import Finding, ProposedEdit, Span, TextEdit
from kova.analysis.run_analyzers import AnalyzeTree
from kova.analysis.source_text import SourceText
from kova.fixes.combine_fixes import combine_fixes
from kova.fixes.outline import Outline
from kova.fixes.prove_fix import FixCandidate, Proof, ProveFix
from tests.support.analyzer import MarkAnalyzer

PATH = "a.py"
CODE = "x = [BAD(a), BAD(b)]\ny = BAD(c)\n"


class FewLines:
    """Implements fixes.ports.SyntaxReader: a text parses unless it has `!!` in it."""

    def handles(self, path: str) -> bool:
        return path == PATH

    def outlines(self, files: Sequence[tuple[str, str]]) -> list[Outline | None]:
        empty = Outline(definitions={}, names=frozenset(), imports=frozenset())
        return [None if text.count("!") > 1 else empty for _, text in files]


PROVER = ProveFix(analyzers=AnalyzeTree([MarkAnalyzer()]), syntax=[FewLines()])


def findings_of(code: str) -> tuple[SourceText, list[Finding]]:
    source = SourceText(text=code, bom=False)
    (run,) = AnalyzeTree([MarkAnalyzer()]).analyze_texts([(PATH, source)])
    return source, list(run.findings)


def prove(source: SourceText, findings: list[Finding]) -> list[Proof]:
    """Prove the fix of each of these findings by itself, on the whole file."""
    (state,) = PROVER.states([(PATH, source, findings_of(source.text)[1])])
    proofs = PROVER.prove([FixCandidate.of(state, finding) for finding in findings])
    assert all(proof.state is not None for proof in proofs)
    return proofs


def with_content(finding: Finding, content: str) -> Finding:
    """Return the finding with an edit that replaces its flag by this text."""
    assert finding.edit is not None
    (edit,) = finding.edit.edits
    return replace(finding, edit=replace(finding.edit, edits=(replace(edit, content=content),)))


def combined_text(proof: Proof) -> str:
    assert proof.state is not None
    return proof.state.source.text


def test_fixes_that_hold_together_are_one() -> None:
    source, findings = findings_of(CODE)
    combined = combine_fixes(PROVER, {PATH: prove(source, findings)})
    assert combined_text(combined[PATH]) == "x = [(a), (b)]\ny = (c)\n"
    assert len(combined[PATH].candidate.mended) == 3


def test_a_single_fix_is_not_proved_again() -> None:
    source, findings = findings_of(CODE)
    proofs = prove(source, findings)[:1]
    assert combine_fixes(PROVER, {PATH: proofs}) == {PATH: proofs[0]}


def test_fixes_that_do_not_hold_together_are_added_one_by_one() -> None:
    source, (first, second, third) = findings_of(CODE)
    findings = [with_content(first, "!"), with_content(second, "!"), third]
    combined = combine_fixes(PROVER, {PATH: prove(source, findings)})
    assert combined_text(combined[PATH]) == "x = [!(a), BAD(b)]\ny = (c)\n"
    assert len(combined[PATH].candidate.mended) == 2


def test_one_edit_that_mends_two_findings_is_applied_once() -> None:
    source, (first, second, _) = findings_of(CODE)
    line = Span(start_line=1, start_column=1, end_line=2, end_column=1)
    edit = ProposedEdit(
        edits=(TextEdit(span=line, content="x = [a, b]\n"),), safe=True, description=""
    )
    findings = [replace(finding, edit=edit) for finding in (first, second)]
    combined = combine_fixes(PROVER, {PATH: prove(source, findings)})
    assert combined_text(combined[PATH]) == "x = [a, b]\ny = BAD(c)\n"
    assert len(combined[PATH].candidate.edited) == 1
    assert len(combined[PATH].candidate.mended) == 2


def test_overlapping_edits_wait_for_a_later_scan() -> None:
    source, (first, second, _) = findings_of(CODE)
    assert first.edit is not None
    line = Span(start_line=1, start_column=1, end_line=2, end_column=1)
    whole = TextEdit(span=line, content="x = [a, BAD(b)]\n")
    findings = [replace(first, edit=replace(first.edit, edits=(whole,))), second]
    combined = combine_fixes(PROVER, {PATH: prove(source, findings)})
    assert combined_text(combined[PATH]) == "x = [BAD(a), (b)]\ny = BAD(c)\n"
    assert combined[PATH].candidate.mended == (second,)


class CountedLines(FewLines):
    """Counts how often it is asked: once for each try."""

    def __init__(self) -> None:
        self.tries = 0

    def outlines(self, files: Sequence[tuple[str, str]]) -> list[Outline | None]:
        self.tries += 1
        return super().outlines(files)


def test_of_hundreds_that_do_not_hold_together_the_first_are_tried() -> None:
    source, findings = findings_of("y = BAD(c)\n" * 200)
    proofs = prove(source, [with_content(finding, "!") for finding in findings])
    lines = CountedLines()
    prover = ProveFix(analyzers=AnalyzeTree([MarkAnalyzer()]), syntax=[lines])
    combined = combine_fixes(prover, {PATH: proofs})
    assert len(combined[PATH].candidate.edited) == 1
    assert lines.tries == 50
