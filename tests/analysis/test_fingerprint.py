"""A finding keeps its identity when code moves around it."""

from kova.analysis.finding import Category, Confidence, Finding, Span, Tier
from kova.analysis.fingerprint import identify
from kova.shared.severity import Severity


def finding(line: int, start: int = 5, end: int = 20, message: str = "m") -> Finding:
    return Finding(
        analyzer="ruff",
        rule_id="F632",
        severity=Severity.HIGH,
        tier=Tier.ERROR,
        confidence=Confidence.HIGH,
        category=Category.CORRECTNESS,
        message=message,
        path="a.py",
        span=Span(start_line=line, start_column=start, end_line=line, end_column=end),
        snippet="",
    )


CODE = ["class A:", "    def f(self):", "        return x is 'a'"]


def test_lines_above_do_not_change_it() -> None:
    (before,) = identify([finding(3, 16, 24)], CODE)
    (after,) = identify([finding(6, 16, 24)], ["", "# note", "import os", *CODE])
    assert before.fingerprint == after.fingerprint
    assert before.scope == "A.f"


def test_indentation_and_spaces_do_not_change_it() -> None:
    (before,) = identify([finding(3, 16, 24)], CODE)
    wide = ["class A:", "  def f(self):", "    return x  is  'a'"]
    (after,) = identify([finding(3, 12, 22)], wide)
    assert before.fingerprint == after.fingerprint


def test_two_equal_findings_stay_two() -> None:
    twice = [*CODE, "        return x is 'a'"]
    findings = identify([finding(3, 16, 24), finding(4, 16, 24)], twice)
    assert len({finding.fingerprint for finding in findings}) == 2


def test_another_function_is_another_error() -> None:
    other_code = ["class A:", "    def g(self):", "        return x is 'a'"]
    (first,) = identify([finding(3, 16, 24)], CODE)
    (second,) = identify([finding(3, 16, 24)], other_code)
    assert first.fingerprint != second.fingerprint


def test_a_span_outside_of_the_file_is_survived() -> None:
    (flagged,) = identify([finding(99)], CODE)
    assert len(flagged.fingerprint) == 64
