"""Ruff as Kova runs it: real errors, isolated from the tree, bounded."""

import subprocess
import sys
from pathlib import Path

import pytest

from kova.adapters.analyzers.process import ProcessLimits, run
from kova.adapters.analyzers.ruff import RuffAnalyzer
from kova.adapters.analyzers.ruff_rules import ERROR_RULES, WARNING_RULES
from kova.domain.finding import Severity
from kova.domain.source_text import decode
from kova.usecases.analyze_tree import AnalyzeTree

BAD = b"def f(x):\n    return x is 'a'\n"


def write(folder: Path, files: dict[str, bytes]) -> list[str]:
    for name, content in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return list(files)


def test_a_finding_tells_place_rule_weight_and_edit(ruff: RuffAnalyzer, tmp_path: Path) -> None:
    analyze = AnalyzeTree([ruff])
    (finding,) = analyze.run(tmp_path, write(tmp_path, {"pkg/a.py": BAD})).findings
    assert (finding.path, finding.rule_id, finding.span.start_line) == ("pkg/a.py", "F632", 2)
    assert (finding.severity, finding.scope) == (Severity.HIGH, "f")
    assert finding.snippet == "    return x is 'a'"
    assert finding.edit is not None
    assert finding.edit.safe


def test_standard_input_gives_the_same_identity_as_a_folder(
    ruff: RuffAnalyzer, tmp_path: Path
) -> None:
    analyze, source = AnalyzeTree([ruff]), decode(BAD)
    assert source is not None
    by_folder = analyze.run(tmp_path, write(tmp_path, {"pkg/a.py": BAD})).findings
    assert analyze.text("pkg/a.py", source).findings == by_folder


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
    run_ = AnalyzeTree([ruff]).run(tmp_path, write(tmp_path, files))
    assert {one.path for one in run_.skipped} >= {"latin.py", "nul.py"}
    flagged = {one.path for one in run_.findings if one.rule_id == "F632"}
    if not run_.incomplete:
        assert flagged == {"-rf.py", "--config=x.py", "@args.py", "sp ace.py", "é.py"}
        assert [one.rule_id for one in run_.findings if one.path == "broken.py"] == [
            "invalid-syntax"
        ]


def test_every_rule_that_is_named_exists(ruff: RuffAnalyzer) -> None:
    done = subprocess.run(
        [ruff._command[0], "rule", "--all", "--output-format", "json"],
        capture_output=True,
        check=True,
    )
    known = {entry["code"] for entry in __import__("json").loads(done.stdout)}
    assert known >= ERROR_RULES | WARNING_RULES
    assert not ERROR_RULES & WARNING_RULES


def test_a_program_that_hangs_is_ended_and_said(tmp_path: Path) -> None:
    program = tmp_path / "ruff"
    program.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(60)\n")
    program.chmod(0o755)
    slow = RuffAnalyzer(program, ProcessLimits(seconds=0.3))
    done = slow.analyze(tmp_path, write(tmp_path, {"a.py": BAD}))
    assert not done.completed
    assert [(one.path, one.reason) for one in done.skipped] == [("a.py", "ruff_timed_out")]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("raise SystemExit(3)", "ruff_crashed"),
        ("print('nonsense')", "ruff_garbled_output"),
        ("print('[{}]')", "ruff_garbled_output"),
        ("print('x' * 3_000_000)", "ruff_too_much_output"),
    ],
)
def test_a_program_that_misbehaves_is_said(tmp_path: Path, script: str, reason: str) -> None:
    program = tmp_path / "ruff"
    program.write_text(f"#!{sys.executable}\n{script}\n")
    program.chmod(0o755)
    analyzer = RuffAnalyzer(program, ProcessLimits(output=1_000_000))
    done = analyzer.analyze(tmp_path, write(tmp_path, {"a.py": BAD}))
    assert not done.completed
    assert [one.reason for one in done.skipped] == [reason]


def test_an_analyser_sees_no_secret_of_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOVA_GITHUB_TOKEN", "ghp_secret")
    done = run(
        [sys.executable, "-c", "import os; print(dict(os.environ))"],
        folder=tmp_path,
        limits=ProcessLimits(),
    )
    assert b"ghp_secret" not in done.output


def test_memory_is_bounded(tmp_path: Path) -> None:
    done = run(
        [sys.executable, "-c", "x = bytearray(2 * 1024**3)"],
        folder=tmp_path,
        limits=ProcessLimits(memory=512 * 1024**2),
    )
    assert done.status != 0
