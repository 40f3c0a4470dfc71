"""Ruff as Kova runs it: real errors, isolated from the tree, bounded."""

from pathlib import Path

import pytest

from kova.adapters.analyzers.ruff import RuffAnalyzer
from kova.analysis.run_analyzers import AnalyzeTree
from kova.analysis.source_text import decode
from kova.shared.severity import Severity
from tests.analyzers.conftest import write

BAD = b"def f(x):\n    return x is 'a'\n"


def test_a_finding_tells_place_rule_weight_and_edit(ruff: RuffAnalyzer, tmp_path: Path) -> None:
    analyze = AnalyzeTree([ruff])
    (finding,) = analyze.analyze(tmp_path, write(tmp_path, {"pkg/a.py": BAD})).findings
    assert (finding.path, finding.rule_id, finding.span.start_line) == ("pkg/a.py", "F632", 2)
    assert (finding.severity, finding.scope) == (Severity.HIGH, "f")
    assert finding.snippet == "    return x is 'a'"
    assert finding.edit is not None
    assert finding.edit.safe


def test_an_undefined_name_is_told_once_a_file_and_another_by_itself(
    ruff: RuffAnalyzer, tmp_path: Path
) -> None:
    text = b"def f():\n    return lost + lost, other\n\n\ndef g():\n    return lost\n"
    analysis = AnalyzeTree([ruff]).analyze(tmp_path, write(tmp_path, {"a.py": text, "b.py": text}))
    places = [
        (finding.path, finding.span.start_line, finding.message) for finding in analysis.findings
    ]
    assert places == [
        (path, 2, f"Undefined name `{name}`")
        for path in ("a.py", "b.py")
        for name in ("lost", "other")
    ]


def test_standard_input_gives_the_same_identity_as_a_folder(
    ruff: RuffAnalyzer, tmp_path: Path
) -> None:
    analyze, source = AnalyzeTree([ruff]), decode(BAD)
    assert source is not None
    by_folder = analyze.analyze(tmp_path, write(tmp_path, {"pkg/a.py": BAD})).findings
    (run,) = analyze.analyze_texts([("pkg/a.py", source)])
    assert run.findings == by_folder


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("ruff.toml", b"exclude = ['*']\nlint.select = []\n"),
        (".ruff.toml", b"lint.ignore = ['ALL']\n"),
        ("pyproject.toml", b"[tool.ruff]\nextend-exclude = ['*.py']\n"),
        (".gitignore", b"*\n"),
        ("pkg/ruff.toml", b"this is [not toml"),
    ],
)
def test_the_trees_own_configuration_hides_nothing(
    ruff: RuffAnalyzer, tmp_path: Path, name: str, content: bytes
) -> None:
    write(tmp_path, {name: content})
    assert len(ruff.analyze(tmp_path, write(tmp_path, {"pkg/a.py": BAD})).findings) == 1


def test_hostile_names_and_content_are_survived(ruff: RuffAnalyzer, tmp_path: Path) -> None:
    files = {
        "-rf.py": BAD,
        "--config=x.py": BAD,
        "@args.py": BAD,
        "sp ace.py": BAD,
        "é.py": BAD,
        "latin.py": b"# -*- coding: latin-1 -*-\nx = '\xe9'\n",
        "nul.py": b"x = 1\0",
        "deep.py": b"(" * 5_000 + b")" * 5_000,
        "wide.py": b"x = [" + b"1," * 200_000 + b"]\n",
        "empty.py": b"",
        "broken.py": b"def f(:\n  ]\n",
    }
    run_ = AnalyzeTree([ruff]).analyze(tmp_path, write(tmp_path, files))
    assert {file.path for file in run_.skipped} >= {"latin.py", "nul.py"}
    flagged = {finding.path for finding in run_.findings if finding.rule_id == "F632"}
    if not run_.incomplete:
        assert flagged == {"-rf.py", "--config=x.py", "@args.py", "sp ace.py", "é.py"}
        assert [finding.rule_id for finding in run_.findings if finding.path == "broken.py"] == [
            "invalid-syntax"
        ]
