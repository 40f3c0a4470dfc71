"""Mutated SARIF logs and `.kova.toml` files."""

from __future__ import annotations

import json
import random
from typing import Any, Final

from kova.analysis.kova_toml import parse_settings
from kova.scans.sarif_import import parse_sarif
from kova.shared.exceptions import InvalidInputError
from kova.shared.text import clean
from tests.fuzz.doors import FuzzError
from tests.fuzz.mutate import mutate_bytes, mutate_document, mutate_json

_LARGEST: Final = 2**31 - 1
_RESULT: Final = {
    "ruleId": "S101",
    "ruleIndex": 0,
    "level": "error",
    "kind": "fail",
    "message": {"text": "A `message` with {0} arguments.", "arguments": ["two"], "id": "default"},
    "locations": [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "src/a.py", "uriBaseId": "%SRCROOT%", "index": 0},
                "region": {"startLine": 3, "startColumn": 5, "endLine": 3, "endColumn": 12,
                           "snippet": {"text": "assert x"}},
            }
        }
    ],
    "partialFingerprints": {"primaryLocationLineHash": "39fa2ee980eb94b0:1"},
    "suppressions": [{"kind": "inSource", "status": "accepted"}],
    "properties": {"security-severity": "7.5"},
}  # fmt: skip
_LOG: Final[dict[str, Any]] = {
    "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
    "version": "2.1.0",
    "runs": [
        {
            "tool": {
                "driver": {
                    "name": "sample", "version": "1.2.3", "semanticVersion": "1.2.3",
                    "rules": [
                        {"id": "S101", "helpUri": "https://example.com/S101",
                         "shortDescription": {"text": "assert"},
                         "messageStrings": {"default": {"text": "It says {0}."}},
                         "defaultConfiguration": {"level": "warning"},
                         "properties": {"tags": ["security", "external/cwe/cwe-703"]}},
                    ],
                },
                "extensions": [{"name": "more", "rules": [{"id": "X1"}]}],
            },
            "automationDetails": {"id": "api/2026-11-30"},
            "originalUriBaseIds": {"%SRCROOT%": {"uri": "file:///home/runner/work/x/x/"}},
            "invocations": [{"executionSuccessful": True, "workingDirectory": {"uri": "file:///w/"}}],
            "artifacts": [{"location": {"uri": "src/a.py"}, "roles": ["analysisTarget"]}],
            "results": [_RESULT, {**_RESULT, "ruleId": "X1", "ruleIndex": -1}],
        }
    ],
}  # fmt: skip


async def send_sarif(random_: random.Random) -> str:
    """Read a mutated log, as POST /api/scans/{id}/sarif and `kova scan --sarif` do."""
    body = mutate_document(random_, _LOG)
    try:
        runs = parse_sarif(body)
    except InvalidInputError as exc:
        return f"refused: {exc.reason}"
    for run in runs:
        for finding in run.findings:
            span = finding.span
            texts = (finding.path, finding.rule_id, finding.message, finding.snippet, run.tool)
            if any(text != clean(text) for text in texts):
                raise FuzzError(f"kept a text that Postgres refuses: {texts!r}", body)
            if not 0 < span.start_line <= span.end_line <= _LARGEST:
                raise FuzzError(f"kept lines that are none: {span}", body)
            if finding.path.startswith("/") or ".." in finding.path.split("/"):
                raise FuzzError(f"kept a path that leads elsewhere: {finding.path}", body)
    return "read: all" if all(run.complete for run in runs) else "read: in part"


async def send_settings(random_: random.Random) -> str:
    """Read a mutated `.kova.toml`: it applies as a whole, or says what is wrong."""
    document = mutate_json(random_, _SETTINGS)
    pairs = document.items() if isinstance(document, dict) else ()
    body = "".join(f"{json.dumps(key)} = {_toml(value)}\n" for key, value in pairs).encode()
    if random_.random() < 0.3:
        body = mutate_bytes(random_, body)
    settings = parse_settings(body)
    if settings.problems:
        if any(problem != clean(problem) for problem in settings.problems):
            raise FuzzError(f"said what cannot be shown: {settings.problems!r}", body)
        return "refused"
    assert settings.digest
    for path in ("src/a.py", "tests/test_a.py", "", "a" * 4_000):
        settings.reads(path)
    return "read"


_SETTINGS: Final[dict[str, Any]] = {
    "exclude": ["vendor/**", "*.min.js", "docs/[a-z]?.py"],
    "include": ["src/**"],
    "languages": ["python", "javascript"],
    "analyzers": ["ruff"],
    "fail_on": "high",
    "auto_fix": "suggest",
    "rules": {"off": ["S1*", "oxlint/no-eval"], "on": ["S113"]},
    "section": [{"paths": ["tests/**"], "fail_on": "critical", "rules": {"off": ["S101"]}}],
}


def _toml(value: Any) -> str:
    """Return a value as TOML, tables in one line; what TOML has no word for stays as in JSON."""
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key)} = {_toml(part)}" for key, part in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)
