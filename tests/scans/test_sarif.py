"""SARIF out: valid by the standard's schema and by GitHub's own rules."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kova.analysis.finding import Category, Confidence, Finding, Span
from kova.scans.sarif import MOST_RESULTS, to_sarif
from kova.scans.sarif_import import parse_sarif
from kova.shared.severity import Severity
from tests.support.findings import finding

TEXT = st.text(max_size=30)


@pytest.fixture(scope="session")
def validator() -> jsonschema.Draft7Validator:
    """The schema of OASIS, where KOVA_SARIF_SCHEMA names it (npm @microsoft/jest-sarif has it)."""
    name = os.environ.get("KOVA_SARIF_SCHEMA")
    if not name:
        pytest.skip("KOVA_SARIF_SCHEMA names no schema")
    schema = json.loads(Path(name).read_text())
    return jsonschema.validators.validator_for(schema)(schema)  # type: ignore[no-any-return]


@st.composite
def findings(draw: st.DrawFn) -> Finding:
    line, column = draw(st.integers(1, 9_999)), draw(st.integers(1, 300))
    return finding(
        analyzer=draw(st.sampled_from(["ruff", "oxlint"])),
        rule_id=draw(st.sampled_from(["B006", "no/eval", "ü"])),
        severity=draw(st.sampled_from(list(Severity))),
        confidence=draw(st.sampled_from(list(Confidence))),
        category=draw(st.sampled_from(list(Category))),
        message=draw(TEXT),
        path=draw(st.sampled_from(["a.py", "dir with/ü#?%.py", "c:d.py"])),
        span=Span(
            start_line=line,
            start_column=column,
            end_line=line + draw(st.integers(-1, 3)),
            end_column=draw(st.integers(1, 300)),
        ),
        scope=draw(TEXT),
        fingerprint="ab" * 32,
        cwe=draw(st.sampled_from([None, "CWE-79"])),
        help_url=draw(st.sampled_from([None, "https://example.com/rule"])),
        suppressed=draw(st.sampled_from([None, "", "# noqa"])),
    )


def check_github_rules(log: dict[str, Any]) -> None:
    """What GitHub's documentation asks for beyond the standard."""
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules) <= 25_000
    for rule in rules:
        assert rule["shortDescription"]["text"].strip()
        assert rule["fullDescription"]["text"].strip()
        assert rule["help"]["text"].strip()
        assert len(rule["shortDescription"]["text"]) <= 1_024
        assert len(rule["properties"]["tags"]) <= 20
        score = rule["properties"].get("security-severity", "1")
        assert 0 < float(score) <= 10
    assert len(run["results"]) <= 5_000
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"].strip()
        (place,) = result["locations"]
        region = place["physicalLocation"]["region"]
        assert region["endLine"] >= region["startLine"] >= 1
        if region["endLine"] == region["startLine"]:
            assert region["endColumn"] >= region["startColumn"]


@given(st.lists(findings(), max_size=6))
def test_it_keeps_github_s_rules_and_can_be_read_again(findings: list[Finding]) -> None:
    log = to_sarif([finding for finding in findings if finding.suppressed is None])
    check_github_rules(log)
    runs = parse_sarif(json.dumps(log).encode())
    reported = [finding for finding in findings if finding.suppressed is None]
    assert sum(len(run.findings) for run in runs) == len(reported)
    assert {finding.path for run in runs for finding in run.findings} == {
        finding.path for finding in reported
    }


def test_it_is_valid_by_the_standard(validator: jsonschema.Draft7Validator) -> None:
    @given(st.lists(findings(), max_size=6))
    def check_valid(findings: list[Finding]) -> None:
        log = to_sarif(
            [finding for finding in findings if finding.suppressed is None],
            [finding for finding in findings if finding.suppressed is not None],
        )
        validator.validate(log)

    check_valid()
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({"version": "2.1.0", "runs": [{"tool": {}}]})


def test_what_is_beyond_the_limits_is_left_out_mildest_first_and_said() -> None:
    many = [finding(severity=Severity.LOW, fingerprint=f"{number:064x}") for number in range(6_000)]
    log = to_sarif([*many, finding(severity=Severity.CRITICAL)])
    (run,) = log["runs"]
    assert len(run["results"]) == MOST_RESULTS
    assert run["results"][0]["level"] == "error"
    (note,) = run["invocations"][0]["toolExecutionNotifications"]
    assert note["message"]["text"].startswith("1001 more")
    long = [replace(finding, message="m" * 1_000) for finding in many]
    assert len(json.dumps(to_sarif(long, most_bytes=500_000))) < 510_000
