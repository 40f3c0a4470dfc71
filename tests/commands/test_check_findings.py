"""Remarks of a review against what the analysers already reported."""

from __future__ import annotations

import pytest

from kova.analysis.finding import Span
from kova.commands.review import check_findings
from kova.models.model_answer import Claim
from kova.models.prompt import Material
from tests.support.findings import finding

SHOWN = Material(
    kind="change", name="a.py", lines=("a", "b", "c", "d"), changed=frozenset({2, 3}), start_line=1
)


@pytest.mark.parametrize(
    ("path", "first", "last", "dropped"),
    [
        ("a.py", 1, 1, 0),
        ("a.py", 4, 9, 0),
        ("a.py", 2, 2, 1),
        ("a.py", 3, 4, 1),
        ("a.py", 1, 2**31 - 1, 1),  # as an imported log may say
        ("b.py", 2, 2, 0),
    ],
)
def test_a_remark_at_a_line_that_is_reported_is_dropped(
    path: str, first: int, last: int, dropped: int
) -> None:
    claim = Claim(path="a.py", start_line=1, end_line=3, quote="a b c", severity="low", message="m")
    span = Span(start_line=first, start_column=1, end_line=last, end_column=2)
    shown, number = check_findings([claim], [SHOWN], [finding(path=path, span=span)], str)
    assert (len(shown), number) == (1 - dropped, dropped)
