"""`make check` finds a wrong metric, a wrong label, and an alert that nobody can act on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.checks.watching import check_alerts, check_expressions, read_cases, read_rules

ALERT = {
    "alert": "KovaTried",
    "expr": "max by (queue) (kova_queue_messages) > 0",
    "labels": {"severity": "warning"},
    "annotations": {
        "summary": "{{ $labels.queue }}",
        "description": "b",
        "runbook": "docs/alerts.md#kovatried",
    },
}
PAGE = "# Alerts\n\n## KovaTried\n\nDo it.\n"
BOTH = {"KovaTried": {True, False}}


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("sum(rate(kova_scan_total[5m]))", "no metric is called kova_scan_total"),
        ("kova_scan_duration_seconds", "no metric is called kova_scan_duration_seconds"),
        ("kova:slo_errors:ratio_rate9h", "no metric is called kova:slo_errors:ratio_rate9h"),
        ('up{jobs="kova"}', "up has no label jobs"),
        ("sum by (reason) (kova_scans_total)", "kova_scans_total has no label reason"),
        (
            "histogram_quantile(0.9, sum by (queue) (rate(kova_message_wait_seconds_bucket[5m])))",
            "has no label le",
        ),
        ("kova_open_errors > on (queue) kova_queue_messages", "has no label queue"),
        ("sum by (queue (up)", "is no expression"),
    ],
)
def test_an_expression_names_what_is_exported(expression: str, problem: str) -> None:
    (said,) = check_expressions(read_rules(), [(expression, "")])
    assert problem in said


def test_a_legend_and_a_summary_show_labels_that_there_are() -> None:
    (said,) = check_expressions([], [("max by (queue) (kova_queue_messages)", "{{state}}")])
    assert "shows the label state" in said
    rule: dict[str, Any] = ALERT | {"expr": "max(kova_queue_messages) > 0"}
    (said,) = check_expressions([rule], [])
    assert said == "KovaTried shows the label queue, which it has not"


def test_an_alert_that_says_all_and_is_tested_both_ways_is_no_problem() -> None:
    assert check_alerts([ALERT], PAGE, BOTH) == []


@pytest.mark.parametrize(
    ("rule", "page", "cases", "problem"),
    [
        ({"labels": {}}, PAGE, BOTH, "no severity"),
        ({"labels": {"severity": "page"}}, PAGE, BOTH, "no severity"),
        (
            {"annotations": {"summary": "a", "runbook": "docs/alerts.md#kovatried"}},
            PAGE,
            BOTH,
            "no description",
        ),
        (
            {"annotations": ALERT["annotations"] | {"runbook": "docs/alerts.md"}},
            PAGE,
            BOTH,
            "its own section",
        ),  # type: ignore[operator]
        ({}, "# Alerts\n", BOTH, "has no section"),
        ({}, PAGE + "\n## KovaGone\n", BOTH, "explains KovaGone"),
        ({}, PAGE, {"KovaTried": {True}}, "no test of both"),
        ({}, PAGE, {"KovaTried": {False}}, "no test of both"),
        ({}, PAGE, {}, "no test of both"),
    ],
)
def test_an_alert_that_says_too_little_is_a_problem(
    rule: dict[str, Any], page: str, cases: dict[str, set[bool]], problem: str
) -> None:
    (said,) = check_alerts([ALERT | rule], page, cases)
    assert problem in said


def test_every_alert_of_ours_is_explained_and_tested_both_ways() -> None:
    assert check_alerts(read_rules(), Path("docs/alerts.md").read_text(), read_cases()) == []
