"""The proof: each step refuses what it is there for."""

from dataclasses import replace
from pathlib import Path

import pytest

from kova.analysis.finding import Finding, ProposedEdit, Span, TextEdit
from kova.analysis.run_analyzers import AnalyzeTree
from kova.analysis.source_text import decode
from kova.bootstrap.analyzers import local_analyzers, prove_fix
from kova.fixes.fix import FixStatus, ProvedFix, Step
from kova.fixes.propose_fixes import ProposeFixes
from kova.fixes.prove_fix import FileState, FixCandidate, ProveFix

PATH = "pkg/a.py"
CODE = b"""import os


def f(x, y=1):
    if x is 'a':
        return os.path.join(x, 'b')
    return y


class C:
    LIMIT = 3
"""


ANALYZE = AnalyzeTree(local_analyzers())


@pytest.fixture(scope="module")
def prove() -> ProveFix:
    return prove_fix(ANALYZE)


def state_of(prove: ProveFix, content: bytes = CODE) -> FileState:
    source = decode(content)
    assert source is not None
    (run,) = ANALYZE.analyze_texts([(PATH, source)])
    (state,) = prove.states([(PATH, source, run.findings)])
    return state


def the_finding(state: FileState) -> Finding:
    (finding,) = [finding for finding in state.findings if finding.rule_id == "F632"]
    return finding


def line_edit(first: int, last: int, content: str) -> ProposedEdit:
    span = Span(start_line=first, start_column=1, end_line=last + 1, end_column=1)
    return ProposedEdit(edits=(TextEdit(span=span, content=content),), safe=True, description="")


def attempt(prove: ProveFix, edit: ProposedEdit | None, content: bytes = CODE) -> ProvedFix:
    state = state_of(prove, content)
    candidate = FixCandidate.of(state, replace(the_finding(state), edit=edit))
    (proof,) = prove.prove([candidate])
    assert (proof.state is None) == (proof.fix().status is FixStatus.REJECTED)
    return proof.fix()


def test_ruffs_own_safe_edit_is_proved_in_six_steps(prove: ProveFix) -> None:
    state = state_of(prove)
    (proof,) = prove.prove([FixCandidate.of(state, the_finding(state))])
    fix = proof.fix()
    assert fix.status is FixStatus.VERIFIED
    assert [check.step for check in fix.verification] == [
        step for step in Step if step is not Step.CI
    ]
    assert all(check.passed for check in fix.verification)
    assert "-    if x is 'a':\n+    if x == 'a':\n" in fix.patch
    assert proof.state is not None


@pytest.mark.parametrize(
    ("edit", "step"),
    [
        (None, Step.APPLIES),
        (line_edit(90, 91, "x\n"), Step.APPLIES),
        (line_edit(5, 5, "    if x is 'a':\n"), Step.APPLIES),
        (line_edit(1, 11, ""), Step.APPLIES),
        (line_edit(5, 5, "    if x == 'a'\n"), Step.PARSES),
        (line_edit(5, 5, "    if x is 'b':\n"), Step.FINDING_GONE),
        (line_edit(5, 5, "    if x is 'a':  # noqa: F632\n"), Step.FINDING_GONE),
        (line_edit(5, 5, "    if x == z:\n"), Step.NO_NEW_FINDINGS),
        (line_edit(5, 5, "    if x == None:\n"), Step.NO_NEW_FINDINGS),
        (line_edit(5, 5, "    import leftpad\n    if x == 'a':\n"), Step.NO_NEW_NAMES),
        (line_edit(5, 5, "    import subprocess\n    if x == 'a':\n"), Step.NO_NEW_NAMES),
        (line_edit(5, 5, "    if eval('x') == 'a':\n"), Step.NO_NEW_FINDINGS),
        (line_edit(5, 5, "    getattr(x, 'y')\n    if x == 'a':\n"), Step.NO_NEW_NAMES),
        (line_edit(5, 5, "    if x == 'https://evil.example':\n"), Step.NO_NEW_NAMES),
        (line_edit(5, 5, "    if x == 'AKIAIOSFODNN7EXAMPLE':\n"), Step.NO_NEW_NAMES),
        (line_edit(4, 5, "def f(x):\n    y = 1\n    if x == 'a':\n"), Step.PUBLIC_INTERFACE_KEPT),
        (line_edit(4, 5, "def g(x, y=1):\n    if x == 'a':\n"), Step.PUBLIC_INTERFACE_KEPT),
        (line_edit(4, 7, ""), Step.PUBLIC_INTERFACE_KEPT),
    ],
)
def test_a_bad_edit_is_rejected_at_its_step(
    prove: ProveFix, edit: ProposedEdit | None, step: Step
) -> None:
    fix = attempt(prove, edit)
    assert fix.status is FixStatus.REJECTED
    assert fix.verification[-1].step is step, fix.rejection
    assert not fix.verification[-1].passed
    assert fix.rejection is not None
    assert fix.rejection.startswith(step)


def test_an_edit_far_from_its_finding_is_rejected(prove: ProveFix) -> None:
    far = CODE + b"\n" * 60 + b"z = 1\n"
    last = len(far.splitlines())
    edits = (*line_edit(last, last, "z = 2\n").edits, *line_edit(5, 5, "    if x == 'a':\n").edits)
    fix = attempt(prove, ProposedEdit(edits=edits, safe=True, description=""), far)
    assert fix.verification[-1].step is Step.APPLIES


def test_a_file_that_does_not_parse_is_left_alone(prove: ProveFix) -> None:
    state = state_of(prove, CODE + b"def g(:\n")
    proofs = prove.prove([FixCandidate.of(state, finding) for finding in state.findings])
    assert {proof.fix().status for proof in proofs} == {FixStatus.REJECTED}


def test_fixes_of_one_file_are_combined_and_proved_together(
    prove: ProveFix, tmp_path: Path
) -> None:
    content = b"def f(x):\r\n    a = '\\d \\s'\r\n    return x is 'a' or x is not 'b', a\r\n"
    (tmp_path / "a.py").write_bytes(content)
    analysis = ANALYZE.analyze(tmp_path, ["a.py"])
    (file,) = ProposeFixes(prove).propose(tmp_path, analysis).values()
    assert {fix.status for fix in file.fixes} == {FixStatus.VERIFIED}
    assert file.content == (
        b"def f(x):\r\n    a = r'\\d \\s'\r\n    return x == 'a' or x != 'b', a\r\n"
    )
    assert len(file.combined) == len(analysis.findings)


def test_unsafe_edits_are_proved_but_never_combined(prove: ProveFix, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"def f(a=[]):\n    return a\n")
    analysis = ANALYZE.analyze(tmp_path, ["a.py"])
    (file,) = ProposeFixes(prove).propose(tmp_path, analysis).values()
    assert [(fix.status, fix.safe) for fix in file.fixes] == [(FixStatus.VERIFIED, False)]
    assert (file.combined, file.content) == ((), None)


def test_fixes_that_do_not_hold_together_are_taken_one_upon_the_other(
    prove: ProveFix, tmp_path: Path
) -> None:
    """Each takes away one of three bindings of a name: all together leave it undefined."""
    lines = [line for letter in "abc" for line in (f"    if x is '{letter}': z = '{letter}'", "")]
    (tmp_path / "a.py").write_text("\n".join(["def f(x):", *lines, "    return z", ""]))
    analysis = ANALYZE.analyze(tmp_path, ["a.py"])
    unbound = [
        replace(finding, edit=line_edit(place, place, "    if x == 'a': pass\n"))
        for finding in analysis.findings
        if (place := finding.span.start_line)
    ]
    changed = replace(analysis, findings=tuple(unbound))
    (file,) = ProposeFixes(prove).propose(tmp_path, changed).values()
    assert [fix.status for fix in file.fixes] == [FixStatus.VERIFIED] * 3
    assert len(file.combined) == 2
    assert file.content is not None
    assert (file.content.count(b"pass"), file.content.count(b"z = 'c'")) == (2, 1)
