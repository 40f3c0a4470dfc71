"""Which of a workflow's edits belong to a finding."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kova.adapters.analyzers.zizmor import propose_edits
from kova.analysis.finding import Span, TextEdit
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
