"""Which of a workflow's edits belong to a finding."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from kova.adapters.analyzers.tool_workspace import ToolWorkspace
from kova.adapters.analyzers.zizmor import ZizmorAnalyzer, propose_edits
from kova.analysis.finding import ProposedEdit, Span, TextEdit
from tests.support.findings import finding


def lines(first: int, last: int) -> Span:
    return Span(start_line=first, start_column=1, end_line=last, end_column=1)


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 2)), max_size=9),
    st.integers(1, 30),
    st.integers(0, 9),
)
def test_a_finding_gets_the_edits_that_touch_its_lines(
    gaps: list[tuple[int, int]], first: int, height: int
) -> None:
    edits: list[TextEdit] = []
    line = 1
    for gap, length in gaps:
        line += gap
        edits.append(TextEdit(span=lines(line, line + length), content=str(line)))
        line += length
    (flagged,) = propose_edits([(finding(span=lines(first, first + height)), "t")], edits)
    expected = tuple(
        edit
        for edit in edits
        if edit.span.start_line <= first + height and edit.span.end_line > first
    )
    assert (flagged.edit.edits if flagged.edit else ()) == expected


def test_a_finding_over_more_lines_than_a_fix_may_change_gets_none() -> None:
    edits = [TextEdit(span=lines(line, line + 1), content="") for line in range(1, 100)]
    (whole, part) = propose_edits(
        [(finding(span=lines(1, 100)), "t"), (finding(span=lines(5, 6)), "t")], edits
    )
    assert whole.edit is None
    assert part.edit is not None


def test_without_time_findings_come_without_their_edits_and_no_program_is_started(
    tmp_path: Path,
) -> None:
    promised = ProposedEdit(edits=(), safe=True, description="t")
    findings = [finding(edit=promised), finding(rule_id="other")]
    analyzer = ZizmorAnalyzer(tmp_path / "no-program")
    completed = analyzer.complete(findings, ToolWorkspace(tmp_path), 0.0)
    assert [flagged.edit for flagged in completed] == [None, None]
    assert {flagged.rule_id for flagged in completed} == {flagged.rule_id for flagged in findings}


def test_a_fix_that_was_ended_leaves_no_edit_and_the_file_as_it_was(tmp_path: Path) -> None:
    program = tmp_path / "zizmor"
    program.write_text("#!/bin/sh\necho half > a.yml\nsleep 60\n")
    program.chmod(0o755)
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "a.yml").write_text("on: push\n")
    promised = ProposedEdit(edits=(), safe=True, description="t")
    (flagged,) = ZizmorAnalyzer(program).complete(
        [finding(path="a.yml", span=lines(1, 1), edit=promised)], ToolWorkspace(tree), 0.5
    )
    assert flagged.edit is None
    assert (tree / "a.yml").read_text() == "on: push\n"
