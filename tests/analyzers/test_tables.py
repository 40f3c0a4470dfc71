"""Tables that name rules agree when they are loaded, and a rule that no table has loses nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kova.adapters.analyzers.process import ProcessLimits
from kova.adapters.analyzers.program import ProgramAnalyzer
from kova.adapters.analyzers.registry import ANALYZERS
from kova.analysis.finding import Confidence, Finding, Tier
from kova.analysis.rule import Catalogue
from kova.shared.severity import Severity
from tests.analyzers.conftest import ChangedKova, write
from tests.analyzers.test_registry import make_misbehaving

ROW = "F632 high error correct - is compares identity"
START = {"row": 1, "column": 1}


def ruff_entry(code: str, path: str) -> dict[str, Any]:
    return {
        "code": code,
        "filename": path,
        "message": "m",
        "url": None,
        "fix": None,
        "location": START,
        "end_location": START,
    }


def oxlint_entry(code: str, path: str) -> dict[str, Any]:
    labels = [{"span": {"offset": 0, "length": 1}}]
    return {"code": code, "filename": path, "message": "m", "url": None, "labels": labels}


def shellcheck_entry(code: int, path: str) -> dict[str, Any]:
    place = {"line": 1, "column": 1, "endLine": 1, "endColumn": 2}
    return {"code": code, "file": path, "message": "m", **place}


def pyrefly_entry(name: str, path: str) -> dict[str, Any]:
    place = {"line": 1, "column": 1, "stop_line": 1, "stop_column": 2}
    return {"name": name, "path": path, "concise_description": "m", **place}


def child_answer(*rules: str, path: str) -> dict[str, Any]:
    place = {"path": path, "start": [1, 1], "end": [1, 2], "message": "m"}
    return {
        "diagnostics": [{"rule": rule, **place} for rule in rules],
        "read": [path],
        "too_deep": [],
    }


def betterleaks_entry(confidence: str, path: str) -> dict[str, Any]:
    place = {"path": path, "start_line": 1, "start_column": 1, "end_line": 1, "end_column": 2}
    return {
        "rule_id": f"new-{confidence}",
        "confidence": confidence,
        "location": place,
        "description": "m",
        "match": {"fingerprint": "hmac-sha256:00"},
    }


ANSWERS = {
    "ruff": (
        "a.py",
        lambda path: [ruff_entry("F632", path), ruff_entry("NEW001", path)],
        {"F632", "NEW001"},
    ),
    "oxlint": (
        "a.js",
        lambda path: {
            "diagnostics": [
                oxlint_entry("eslint(use-isnan)", path),
                oxlint_entry("eslint(new-rule)", path),
            ]
        },
        {"eslint/use-isnan", "eslint/new-rule"},
    ),
    "shellcheck": (
        "a.sh",
        lambda path: {"comments": [shellcheck_entry(2068, path), shellcheck_entry(9999, path)]},
        {"SC2068", "SC9999"},
    ),
    "pyrefly": (
        "a.py",
        lambda path: {
            "errors": [pyrefly_entry("unknown-name", path), pyrefly_entry("new-kind", path)]
        },
        {"unknown-name", "new-kind"},
    ),
    "kova": (
        "a.py",
        lambda path: child_answer("weak-hash", "new-rule", path=path),
        {"weak-hash", "new-rule"},
    ),
    "syntax": (
        "a.json",
        lambda path: child_answer("invalid-json", "new-rule", path=path),
        {"invalid-json", "new-rule"},
    ),
    "betterleaks": (
        "a.txt",
        lambda path: {
            "scan": {"state": "complete"},
            "findings": [betterleaks_entry("high", path), betterleaks_entry("odd", path)],
        },
        {"new-high", "new-odd"},
    ),
}


def analyze_answer(name: str, folder: Path) -> list[Finding]:
    """Return the findings of an analyser whose program knows one rule more than we do."""
    path, answer, _ = ANSWERS[name]
    (kind,) = [candidate for candidate in ANALYZERS if candidate.name == name]
    target = "k00000k.txt" if name == "betterleaks" else path
    script = f"import sys\nsys.stdout.write({json.dumps(answer(target))!r})"
    (folder / "tools").mkdir()
    # What lets a cheap look of ours take the file for one in which a rule may match.
    write(folder / "tree", {path: b"import hashlib\npassword = hashlib.md5(x).hexdigest()\n"})
    analyzer: ProgramAnalyzer = make_misbehaving(kind, script, folder / "tools")
    analyzer._limits = ProcessLimits(seconds=30)
    analyzer_run = analyzer.analyze(folder / "tree", [path])
    assert analyzer_run.completed
    assert not analyzer_run.skipped
    return list(analyzer_run.findings)


@pytest.mark.parametrize("name", ANSWERS)
def test_a_rule_without_a_row_is_reported_mildly_beside_the_others(
    name: str, tmp_path: Path
) -> None:
    findings = {finding.rule_id: finding for finding in analyze_answer(name, tmp_path)}
    assert set(findings) == ANSWERS[name][2]
    unknown = [rule for rule in findings if rule not in ROWS[name]]
    assert unknown
    for rule in unknown:
        if name != "betterleaks":  # A secret is one, by whatever rule it was seen.
            assert findings[rule].tier is Tier.WARNING
            assert findings[rule].severity is Severity.LOW
            assert findings[rule].confidence is Confidence.LOW


ROWS = {kind.name: kind.catalogue for kind in ANALYZERS}


def test_a_row_that_cannot_be_read_is_named() -> None:
    for row in ("F632 high error", "F632 grave error correct - a", "F632 high error odd - a"):
        with pytest.raises(ValueError, match=f"ruff: .*{row}"):
            Catalogue("ruff", f"{ROW.replace('F632', 'F633')}\n{row}")
    with pytest.raises(ValueError, match="ruff: F632 is named twice"):
        Catalogue("ruff", f"{ROW}\n{ROW}")


def test_a_table_that_names_a_rule_without_a_row_is_named() -> None:
    catalogue = Catalogue("ruff", ROW)
    catalogue.require("names", ["F632"])
    with pytest.raises(ValueError, match=r"ruff: names has F811, F821, and the catalogue has not"):
        catalogue.require("names", ["F821", "F632", "F811"])


@pytest.mark.parametrize(
    ("module", "line", "row"),
    [
        (
            "adapters/analyzers/ruff_context.py",
            '    "F821": _is_injected,\n',
            '    "F999": _is_injected,\n',
        ),
        ("adapters/analyzers/oxlint.py", '"eslint/no-unreachable"', '"eslint/F999"'),
        ("adapters/analyzers/python_rules/taint/model.py", '("xpath-injection",', '("F999",'),
        (
            "adapters/analyzers/python_rules/taint/model.py",
            '"os.system": "command"',
            '"os.system": "F999"',
        ),
        ("adapters/analyzers/hadolint.py", '"DL1000"', '"F999"'),
    ],
)
def test_a_table_with_a_wrong_row_stops_the_start_and_names_it(
    module: str, line: str, row: str, changed_kova: ChangedKova
) -> None:
    output = changed_kova({module: (line, row)}, "import kova.adapters.analyzers.registry")
    assert "F999" in output
    assert "ValueError" in output
