"""Findings as SARIF 2.1.0, within what GitHub's code scanning takes.

See https://docs.oasis-open.org/sarif/sarif/v2.1.0/ and GitHub's "SARIF support for code scanning".
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from kova.analysis.finding import Category, Finding, Span
from kova.fixes.fix import ProvedFix
from kova.shared.severity import Severity
from kova.shared.text import clean, shorten
from kova.version import VERSION

MOST_RESULTS: Final = 5_000  # GitHub shows this many of a run, the most severe first.
MOST_BYTES: Final = 4_000_000  # What a Lambda can answer, less its envelope.
_TEXT_LIMIT: Final = 1_000  # GitHub cuts descriptions at 1,024 characters.
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


def to_sarif(
    findings: Sequence[Finding],
    suppressed: Sequence[Finding] = (),
    *,
    fixes: Sequence[ProvedFix] = (),
    most_bytes: int = MOST_BYTES,
) -> dict[str, Any]:
    """Return a SARIF log with one run.

    Args:
        findings: results of the log.
        suppressed: results that are marked as suppressed.
        fixes: proved ones, each shown with the result of its finding.
        most_bytes: about how long the log may be; beyond it the mildest results are left out, and
            a notification says how many.
    """
    order = sorted(
        (*findings, *suppressed),
        key=lambda finding: (
            finding.suppressed is not None,
            finding.severity.rank,
            finding.path,
            finding.span,
        ),
    )
    fix_of = {fix.finding.fingerprint: fix for fix in fixes}
    index: dict[str, int] = {}
    rules: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    size = 2_000
    for finding in order[:MOST_RESULTS]:
        name = _rule_id(finding)
        result = _result(finding, index.setdefault(name, len(index)))
        if fix := fix_of.get(finding.fingerprint):
            result["fixes"] = [_fix(fix)]
        size += len(json.dumps(result))
        if len(index) > len(rules):
            rules.append(_rule(name, finding))
            size += len(json.dumps(rules[-1]))
        if size > most_bytes:
            break
        results.append(result)
    driver = {
        "name": "Kova",
        "semanticVersion": VERSION,
        "rules": rules,
    }
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "automationDetails": {"id": "kova/"},
                "columnKind": "unicodeCodePoints",
                "invocations": [_invocation(len(order) - len(results))],
                "results": results,
            }
        ],
    }


def _invocation(left_out: int) -> dict[str, Any]:
    invocation: dict[str, Any] = {"executionSuccessful": True}
    if left_out:
        text = f"{left_out} more results were left out to stay within limits."
        invocation["toolExecutionNotifications"] = [{"level": "warning", "message": {"text": text}}]
    return invocation


def _rule_id(finding: Finding) -> str:
    return clean(f"{finding.analyzer}/{finding.rule_id}")


def _rule(rule: str, finding: Finding) -> dict[str, Any]:
    tags = [finding.category.value]
    properties: dict[str, Any] = {"tags": tags, "precision": finding.confidence.value}
    if finding.category is Category.SECURITY:
        properties["security-severity"] = _SECURITY[finding.severity]
    if finding.cwe:
        tags.append(f"external/cwe/{finding.cwe.lower()}")
    text = {"text": _text(finding.message, rule)}
    help_text = f"{rule}: {finding.help_url}" if finding.help_url else rule
    described = {
        "id": rule,
        "name": clean(finding.rule_id),
        "shortDescription": text,
        "fullDescription": text,
        "help": {"text": clean(help_text)},
        "defaultConfiguration": {"level": _LEVELS[finding.severity]},
        "properties": properties,
    }
    return described | ({"helpUri": finding.help_url} if finding.help_url else {})


def _result(finding: Finding, rule_index: int) -> dict[str, Any]:
    place: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": _file(finding.path),
            "region": _region(finding.span),
        }
    }
    if finding.scope:
        place["logicalLocations"] = [{"fullyQualifiedName": clean(finding.scope)}]
    result: dict[str, Any] = {
        "ruleId": _rule_id(finding),
        "ruleIndex": rule_index,
        "level": _LEVELS[finding.severity],
        "message": {"text": _text(finding.message, finding.rule_id)},
        "locations": [place],
        "partialFingerprints": {"kova/v1": finding.fingerprint},
    }
    if finding.suppressed is not None:
        why = _text(finding.suppressed, "suppressed")
        result["suppressions"] = [{"kind": "inSource", "justification": why}]
    return result


def _fix(fix: ProvedFix) -> dict[str, Any]:
    """Return the edits as they were proved: regions of the scanned text, columns of characters."""
    edit = fix.finding.edit
    assert edit is not None
    replacements = [
        {"deletedRegion": _region(change.span), "insertedContent": {"text": clean(change.content)}}
        for change in edit.edits
    ]
    steps = ", ".join(step.step for step in fix.verification if step.passed)
    sentence = _text(edit.description, fix.finding.rule_id)
    return {
        "description": {"text": _text(f"{sentence} (proved: {steps})", sentence)},
        "artifactChanges": [
            {"artifactLocation": _file(fix.finding.path), "replacements": replacements}
        ],
    }


def _file(path: str) -> dict[str, str]:
    return {"uri": quote(clean(path), safe="/"), "uriBaseId": "%SRCROOT%"}


def _region(span: Span) -> dict[str, int]:
    one_line = span.end_line <= span.start_line
    return {
        "startLine": span.start_line,
        "startColumn": span.start_column,
        "endLine": max(span.end_line, span.start_line),
        "endColumn": max(span.end_column, span.start_column if one_line else 1),
    }


def _text(text: str, otherwise: str) -> str:
    """Return a text that is not empty, as SARIF wants it."""
    return shorten(clean(text), _TEXT_LIMIT).strip() or clean(otherwise)
