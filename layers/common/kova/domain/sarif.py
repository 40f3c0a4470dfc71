"""Findings as SARIF 2.1.0, within what GitHub's code scanning takes.

See https://docs.oasis-open.org/sarif/sarif/v2.1.0/ and GitHub's "SARIF support for code scanning".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from kova.domain.finding import Finding, Severity
from kova.domain.text import shorten
from kova.version import VERSION

MOST_RESULTS: Final = 5_000  # GitHub shows this many of a run, the most severe first.
_LEVELS: Final = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
}
_SECURITY: Final = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.0",
    Severity.LOW: "2.0",
}


def to_sarif(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return a SARIF log with one run."""
    chosen = sorted(findings, key=lambda one: (one.severity.rank, one.path, one.span))
    chosen = chosen[:MOST_RESULTS]
    rules = {_rule_id(one): one for one in chosen}
    index = {rule: position for position, rule in enumerate(rules)}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "Kova",
                        "semanticVersion": VERSION,
                        "rules": [_rule(rule, one) for rule, one in rules.items()],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(one, index[_rule_id(one)]) for one in chosen],
            }
        ],
    }


def _rule_id(finding: Finding) -> str:
    return f"{finding.analyzer}/{finding.rule_id}"


def _rule(rule: str, finding: Finding) -> dict[str, Any]:
    properties: dict[str, Any] = {"tags": [finding.category.value], "precision": "high"}
    if finding.confidence.value != "high":
        properties["precision"] = finding.confidence.value
    if finding.category.value == "security":
        properties["security-severity"] = _SECURITY[finding.severity]
    if finding.cwe:
        properties["tags"].append(f"external/cwe/{finding.cwe.lower()}")
    described = {
        "id": rule,
        "shortDescription": {"text": shorten(finding.message, 1_000)},
        "defaultConfiguration": {"level": _LEVELS[finding.severity]},
        "properties": properties,
    }
    return described | ({"helpUri": finding.help_url} if finding.help_url else {})


def _result(finding: Finding, rule_index: int) -> dict[str, Any]:
    return {
        "ruleId": _rule_id(finding),
        "ruleIndex": rule_index,
        "level": _LEVELS[finding.severity],
        "message": {"text": shorten(finding.message, 1_000)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(finding.path), "uriBaseId": "%SRCROOT%"},
                    "region": {
                        "startLine": finding.span.start_line,
                        "startColumn": finding.span.start_column,
                        "endLine": finding.span.end_line,
                        "endColumn": finding.span.end_column,
                    },
                }
            }
        ],
        "partialFingerprints": {"kova/v1": finding.fingerprint},
    }
