"""Comments that silence: matched for every tool, told and not hidden."""

import time

import pytest

from kova.analysis.finding import Category, Confidence, Finding, Span, Tier
from kova.analysis.suppression import mark_suppressed
from kova.shared.severity import Severity
from tests.support.steps import count_steps


def finding(
    analyzer: str, rule: str, line: int, category: Category = Category.CORRECTNESS, end: int = 0
) -> Finding:
    return Finding(
        analyzer=analyzer,
        rule_id=rule,
        severity=Severity.HIGH,
        tier=Tier.ERROR,
        confidence=Confidence.HIGH,
        category=category,
        message="m",
        path="a",
        span=Span(start_line=line, start_column=1, end_line=end or line, end_column=9),
    )


def find_suppression(of: Finding, lines: list[str]) -> str | None:
    """Return the kind of comment that suppresses one finding of a file."""
    (marked,) = mark_suppressed([of], lines)
    return marked.suppressed


@pytest.mark.parametrize(
    ("analyzer", "rule", "line", "code", "expected"),
    [
        ("ruff", "F632", 1, "x is 1  # noqa", "noqa"),
        ("ruff", "F632", 1, "x is 1  # noqa: F632", "noqa"),
        ("ruff", "F632", 1, "x is 1  # NOQA:E501,F632", "noqa"),
        ("ruff", "F632", 1, "x is 1  # noqa: F", "noqa"),
        ("ruff", "F632", 1, "x is 1  # noqa: E501", None),
        ("ruff", "F632", 2, "x = 1  # noqa\nx is 1", None),
        ("ruff", "F632", 3, "# ruff: noqa: F632\n\nx is 1", "ruff: noqa"),
        ("ruff", "F632", 1, "x is 1  # nosec", None),
        ("kova", "weak-hash", 1, "md5(password)  # kova: ignore", "kova: ignore"),
        ("kova", "weak-hash", 2, "# kova: ignore[weak-hash]\nmd5(password)", "kova: ignore"),
        ("kova", "weak-hash", 2, "# kova: ignore[kova/weak-hash]\nmd5(password)", "kova: ignore"),
        ("kova", "weak-hash", 2, "# kova: ignore[weak-random]\nmd5(password)", None),
        ("kova", "weak-hash", 2, "x = 1  # kova: ignore\nmd5(password)", None),
        (
            "oxlint",
            "eslint/use-isnan",
            2,
            "// oxlint-disable-next-line use-isnan\nx",
            "oxlint-disable-next-line",
        ),
        ("oxlint", "eslint/use-isnan", 1, "x // eslint-disable-line", "oxlint-disable-line"),
        ("oxlint", "eslint/use-isnan", 3, "/* eslint-disable */\n\nx", "oxlint-disable"),
        ("oxlint", "eslint/use-isnan", 3, "/* eslint-disable */\n/* eslint-enable */\nx", None),
        ("oxlint", "eslint/use-isnan", 2, "// eslint-disable-next-line no-eval -- why\nx", None),
        (
            "oxlint",
            "typescript/no-misused-new",
            2,
            "// eslint-disable-next-line @typescript-eslint/no-misused-new\nx",
            "oxlint-disable-next-line",
        ),
        ("shellcheck", "SC2086", 2, "# shellcheck disable=SC2086\nx", "shellcheck disable"),
        (
            "shellcheck",
            "SC2086",
            5,
            "#!/bin/sh\n# shellcheck disable=SC2000-SC2100\n\nx\nx",
            "shellcheck disable",
        ),
        ("shellcheck", "SC2086", 4, "x\n# shellcheck disable=SC2086\nx\nx", None),
        ("hadolint", "DL3011", 2, "# hadolint ignore=DL3011,DL3000\nx", "hadolint ignore"),
        ("hadolint", "DL3011", 3, "# hadolint ignore=DL3011\nx\nx", None),
        ("hadolint", "DL3011", 3, "# hadolint global ignore=DL3011\nx\nx", "hadolint ignore"),
        ("zizmor", "unpinned-uses", 1, "x # zizmor: ignore[unpinned-uses]", "zizmor: ignore"),
        ("zizmor", "unpinned-uses", 1, "x # zizmor: ignore[artipacked]", None),
        ("betterleaks", "github-pat", 1, "x # gitleaks:allow", "gitleaks:allow"),
        ("syntax", "invalid-yaml", 1, "x # noqa", None),
    ],
)
def test_a_comment_silences_what_it_names_where_it_stands(
    analyzer: str, rule: str, line: int, code: str, expected: str | None
) -> None:
    assert find_suppression(finding(analyzer, rule, line), code.split("\n")) == expected


def test_nosec_is_for_security_only_and_any_line_of_the_finding_counts() -> None:
    lines = ["call(", "  x,  # nosec", ")"]
    (secure,) = mark_suppressed([finding("ruff", "S506", 1, Category.SECURITY, end=3)], lines)
    assert secure.suppressed == "nosec"
    assert find_suppression(finding("ruff", "F632", 1, end=3), lines) is None


HOSTILE = {
    "oxlint": ("eslint/no-debugger", "debugger; // eslint-disable no-eval"),
    "ruff": ("F632", "x is 1  # noqa: E501"),
    "shellcheck": ("SC2086", "# shellcheck disable=SC1000-SC1001"),
    "hadolint": ("DL3008", "# hadolint global ignore=DL3000"),
    "zizmor": ("a", "# zizmor: ignore[b]"),
    "betterleaks": ("k", "x"),
}


@pytest.mark.parametrize("analyzer", list(HOSTILE))
@pytest.mark.parametrize("apart", ["", "\n"])
def test_twice_as_many_findings_are_twice_the_work(analyzer: str, apart: str) -> None:
    rule, text = HOSTILE[analyzer]

    def steps(number: int) -> int:
        lines = f"{text}{apart}\n" * number
        findings = [finding(analyzer, rule, line) for line in range(1, number + 1)]
        return count_steps(lambda: mark_suppressed(findings, lines.split("\n")))

    assert steps(1_000) < 2.1 * steps(500)


@pytest.mark.parametrize("analyzer", list(HOSTILE))
@pytest.mark.parametrize(
    "text",
    [
        "# shellcheck ", "# zizmor: ignore[", "# kova: ignore[", "# noqa: A1,", "#", "# pylint: disable=a",
        "// eslint-disable a ", "# hadolint ignore= ", "/*", "gitleaks:", "#  ",
    ],
)  # fmt: skip
def test_a_line_of_one_word_is_read_in_linear_time(analyzer: str, text: str) -> None:
    """64 times the text: 4,096 times the time would be quadratic, whatever else runs here."""
    rule, _ = HOSTILE[analyzer]

    def seconds(number: int) -> float:
        findings, lines = [finding(analyzer, rule, 1)] * 50, [text * number]
        tries = []
        for _ in range(3):
            started = time.perf_counter()
            mark_suppressed(findings, lines)
            tries.append(time.perf_counter() - started)
        return min(tries)

    assert seconds(64_000) < 500 * seconds(1_000) + 0.05
