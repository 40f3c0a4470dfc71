"""Fixes of a scan are proposed within bounds, proved, and combined where they hold together."""

from __future__ import annotations

from dataclasses import replace

from kova.analysis.analysis import Analysis
from kova.fixes.fix import FixStatus, ProvedFix, Step
from kova.fixes.propose_fixes import ProposeFixes
from tests.support.analyzer import MarkAnalyzer
from tests.support.workshop import Workshop, fixes_of

TWO = "def f():\n    BAD(x)\n\n\ndef g():\n    BAD(y)\n"


async def analyze(workshop: Workshop, **files: str) -> Analysis:
    """Analyse files that are then below the folder `workshop.folder`."""
    return await workshop.analyze(workshop.push(**files))


async def test_the_fixes_of_a_file_are_proved_and_combined(workshop: Workshop) -> None:
    analysis = await analyze(workshop, a=TWO, b="x = 1\n")
    outcomes: list[ProvedFix] = []
    proposed = workshop.propose.propose(workshop.folder, analysis, progress=outcomes.append)
    assert fixes_of(proposed) == {"a.py": ["verified", "verified"]}
    file = proposed["a.py"]
    assert file.content == TWO.replace("BAD", "").encode()
    assert file.combined == file.fixes == tuple(outcomes)


async def test_unsafe_fixes_are_proved_and_never_combined(workshop: Workshop) -> None:
    workshop.tool.safe = False
    analysis = await analyze(workshop, a=TWO)
    file = workshop.propose.propose(workshop.folder, analysis)["a.py"]
    assert [fix.status for fix in file.fixes] == [FixStatus.VERIFIED] * 2
    assert (file.combined, file.content) == ((), None)
    assert ProposeFixes(workshop.prover, unsafe=False).propose(workshop.folder, analysis) == {}


async def test_findings_without_an_edit_and_suppressed_ones_are_not_mended(
    workshop: Workshop,
) -> None:
    analysis = await analyze(workshop, a="BAD(x)  # kova: ignore\n")
    assert workshop.propose.propose(workshop.folder, analysis) == {}
    workshop.tool.safe = None
    analysis = await analyze(workshop, a=TWO)
    assert workshop.propose.propose(workshop.folder, analysis) == {}


async def test_only_the_named_files_are_mended(workshop: Workshop) -> None:
    analysis = await analyze(workshop, a=TWO, b=TWO)
    proposed = workshop.propose.propose(workshop.folder, analysis, {"b.py"})
    assert list(proposed) == ["b.py"]


async def test_a_file_that_an_analyser_did_not_read_to_the_end_is_left_alone(
    workshop: Workshop,
) -> None:
    workshop.tools.append(MarkAnalyzer(name="picky", rules=(), skips={"a.py": "picky_crashed"}))
    analysis = await analyze(workshop, a=TWO, b=TWO)
    proposed = workshop.propose.propose(workshop.folder, analysis, {"a.py", "b.py"})
    assert fixes_of(proposed) == {"b.py": ["verified", "verified"]}


async def test_beyond_the_most_fixes_the_rest_waits_and_safe_ones_come_first(
    workshop: Workshop,
) -> None:
    analysis = await analyze(workshop, a=TWO, b=TWO)
    unsafe = tuple(
        replace(finding, edit=replace(finding.edit, safe=False))
        if finding.edit and finding.path == "a.py"
        else finding
        for finding in analysis.findings
    )
    propose = ProposeFixes(workshop.prover, max_fixes=3)
    proposed = propose.propose(workshop.folder, replace(analysis, findings=unsafe))
    assert fixes_of(proposed) == {"a.py": ["verified"], "b.py": ["verified", "verified"]}


async def test_when_the_time_is_over_no_further_file_is_begun(workshop: Workshop) -> None:
    analysis = await analyze(workshop, a=TWO, b=TWO, c=TWO)
    times = iter([0.0, 1.0, 9.9, 10.0])
    propose = ProposeFixes(workshop.prover, together=2, seconds=10.0, clock=lambda: next(times))
    assert list(propose.propose(workshop.folder, analysis)) == ["a.py", "b.py"]


async def test_a_fix_that_leaves_its_finding_is_rejected_and_harms_no_other(
    workshop: Workshop,
) -> None:
    analysis = await analyze(workshop, a=TWO)
    first, second = analysis.findings
    assert second.edit is not None
    (edit,) = second.edit.edits
    for content, step in (("BAD", Step.APPLIES), ("BAD ", Step.FINDING_GONE)):
        edits = (replace(edit, content=content),)
        broken = replace(second, edit=replace(second.edit, edits=edits))
        changed = replace(analysis, findings=(first, broken))
        file = workshop.propose.propose(workshop.folder, changed)["a.py"]
        assert [fix.status for fix in file.fixes] == [FixStatus.VERIFIED, FixStatus.REJECTED]
        assert file.fixes[1].verification[-1].step is step
        assert file.combined == file.fixes[:1]
        assert file.content == TWO.replace("BAD(x)", "(x)").encode()


async def test_an_edit_that_breaks_the_syntax_is_rejected(workshop: Workshop) -> None:
    analysis = await analyze(workshop, a="BAD(x)\n")
    (finding,) = analysis.findings
    assert finding.edit is not None
    (edit,) = finding.edit.edits
    broken = replace(finding, edit=replace(finding.edit, edits=(replace(edit, content="("),)))
    (fix,) = workshop.propose.propose(workshop.folder, replace(analysis, findings=(broken,)))[
        "a.py"
    ].fixes
    assert (fix.status, fix.rejection) == (
        FixStatus.REJECTED,
        "parses: It does not parse, or nests too deeply to be read.",
    )


async def test_an_analyser_that_does_not_finish_the_proof_proves_nothing(
    workshop: Workshop,
) -> None:
    analysis = await analyze(workshop, a=TWO)
    workshop.tool.completed = False
    proposed = workshop.propose.propose(workshop.folder, analysis)
    assert {fix.rejection for fix in proposed["a.py"].fixes} == {
        "finding_gone: The analyser did not finish."
    }
