"""SARIF in: other tools' logs become findings, hostile ones do no harm."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kova.analysis.finding import Category, Span
from kova.scans.sarif_import import MOST_RESULTS, ImportedRun, parse_sarif
from kova.shared.exceptions import InvalidInputError
from kova.shared.severity import Severity

RESULT: dict[str, Any] = {
    "ruleId": "py/eval",
    "ruleIndex": 0,
    "message": {"text": "Do not."},
    "locations": [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "src/a%20b.py", "uriBaseId": "%SRCROOT%"},
                "region": {
                    "startLine": 3,
                    "startColumn": 5,
                    "endColumn": 12,
                    "snippet": {"text": "eval(x)"},
                },
            }
        }
    ],
}
RULE = {
    "id": "py/eval",
    "properties": {"security-severity": "9.3", "tags": ["security", "external/cwe/cwe-095"]},
    "helpUri": "https://example.com/eval",
}


def log(*results: Any, **run: Any) -> bytes:
    driver = {"name": "CodeQL", "semanticVersion": "2.1", "rules": [RULE]}
    sarif_run = {"tool": {"driver": driver}, "results": list(results), **run}
    return json.dumps({"version": "2.1.0", "runs": [sarif_run]}).encode()


def read(*results: Any, **run: Any) -> ImportedRun:
    (imported,) = parse_sarif(log(*results, **run))
    return imported


def result_at(uri: str, **location: Any) -> dict[str, Any]:
    physical = {"artifactLocation": {"uri": uri, **location}, "region": {"startLine": 1}}
    return {**RESULT, "locations": [{"physicalLocation": physical}]}


def test_a_result_becomes_a_finding_under_its_tool_s_name() -> None:
    imported = read(RESULT)
    (finding,) = imported.findings
    assert (imported.tool, imported.identity) == ("CodeQL", "sarif CodeQL 2.1")
    assert (finding.analyzer, finding.rule_id, finding.path) == ("CodeQL", "py/eval", "src/a b.py")
    assert finding.span == Span(start_line=3, start_column=5, end_line=3, end_column=12)
    assert (finding.severity, finding.category, finding.cwe) == (
        Severity.CRITICAL,
        Category.SECURITY,
        "CWE-95",
    )
    assert (finding.snippet, finding.help_url) == ("eval(x)", "https://example.com/eval")
    assert finding.traits is not None
    assert len(finding.fingerprint) == 64


def test_moved_results_are_recognised_and_equal_ones_stay_apart() -> None:
    moved = json.loads(json.dumps(RESULT))
    moved["locations"][0]["physicalLocation"]["region"]["startLine"] = 40
    first, second = read(RESULT, moved).findings
    assert first.traits == second.traits
    assert first.fingerprint != second.fingerprint


@pytest.mark.parametrize(
    "uri",
    ["/etc/passwd", "../a.py", "a/../../b", "http://x/a.py", "file:///etc/passwd", "", "a%00.py",
     "a%2F..%2Fb.py", "a/b\\c.py", "//host/a.py", "x" * 2_000, "%2e%2e/a.py", "a//b.py"],
)  # fmt: skip
def test_a_path_that_leads_elsewhere_is_refused(uri: str) -> None:
    imported = read(result_at(uri))
    assert (imported.findings, imported.refused) == ((), {"no_path_in_the_repository": 1})


def test_a_path_below_the_tool_s_own_root_is_taken() -> None:
    bases = {"ROOT": {"uri": "file:///home/runner/checkout/r/"}}
    for uri, base in (("src/a.py", "ROOT"), ("file:///home/runner/checkout/r/src/a.py", "")):
        findings = read(result_at(uri, uriBaseId=base), originalUriBaseIds=bases).findings
        assert [finding.path for finding in findings] == ["src/a.py"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": "pass"}, "not_a_failure"),
        ({"level": "none"}, "not_a_failure"),
        ({"baselineState": "absent"}, "not_a_failure"),
        ({"locations": []}, "no_path_in_the_repository"),
        ({"ruleId": None, "ruleIndex": None}, "no_rule"),
        ({"locations": [{"physicalLocation": {"artifactLocation": {"uri": "a.py"},
          "region": {"startLine": 2**40}}}]}, "no_usable_place"),
        ({"suppressions": [{"kind": "inSource"}]}, None),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_counted(change: dict[str, Any], reason: str | None) -> None:
    imported = read({**RESULT, **change}, RESULT)
    assert imported.refused == ({} if reason is None else {reason: 1})
    if "suppressions" in change:
        assert {finding.suppressed for finding in imported.findings} == {"inSource", None}


def test_a_secret_s_text_is_not_kept() -> None:
    rule = {"id": "py/eval", "properties": {"tags": ["external/cwe/cwe-798"]}}
    driver = {"name": "Leaks", "rules": [rule]}
    (finding,) = read(RESULT, tool={"driver": driver}).findings
    assert finding.snippet == ""


def test_a_tool_that_failed_or_looked_at_some_files_proves_little() -> None:
    assert not read(RESULT, invocations=[{"executionSuccessful": False}]).finished
    targets = [{"location": {"uri": "src/c.py"}, "roles": ["analysisTarget"]}]
    assert read(RESULT, artifacts=targets).paths == {"src/c.py"}
    assert read(RESULT).paths is None


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b"null", b"\xff", b'{"version": "2.0.0", "runs": []}',
     b'{"version": "2.1.0", "runs": {}}', b'{"version": "2.1.0", "runs": [1]}',
     b'{"version": "2.1.0", "runs": [{}]}', b"[" * 100_000, b'{"version": NaN}',
     json.dumps({"version": "2.1.0", "runs": [{}] * 21}).encode(),
     log(*[1] * (MOST_RESULTS + 1)), b" " * 10_000_001],
)  # fmt: skip
def test_what_is_not_sarif_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInputError):
        parse_sarif(body)


MEMBERS = [
    "uri",
    "text",
    "id",
    "region",
    "startLine",
    "endLine",
    "level",
    "properties",
    "tags",
    "physicalLocation",
    "artifactLocation",
    "index",
    "security-severity",
    "snippet",
]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(MEMBERS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(st.sampled_from([*RESULT, "rule", "suppressions", "fingerprints"]), VALUES),
    st.dictionaries(st.sampled_from([*RULE, "messageStrings", "defaultConfiguration"]), VALUES),
    st.dictionaries(st.sampled_from(["artifacts", "originalUriBaseIds", "invocations"]), VALUES),
)
def test_any_json_in_any_place_is_a_finding_or_counted(
    result: dict[str, Any], rule: dict[str, Any], run: dict[str, Any]
) -> None:
    driver = {"name": "T", "rules": [{**RULE, **rule}]}
    imported = read({**RESULT, **result}, RESULT, **run, tool={"driver": driver})
    assert len(imported.findings) + sum(imported.refused.values()) == 2
