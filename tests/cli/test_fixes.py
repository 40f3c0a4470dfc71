"""`kova scan --fix`: the proved fix and its proof are shown in every format."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from kova.fixes.patch import apply_patch
from tests.cli.test_failures import obey_file_modes, run, run_interpreter
from tests.cli.test_scan import BAD
from tests.scans.test_sarif import check_github_rules
from tests.scans.test_sarif import validator as validator  # noqa: PLC0414 (a fixture)

LINES = "import re\n\n\ndef f(x):\n\tü = '🙂'; return x is 'a' and re.match('\\d', x)\n"


def test_the_table_shows_each_proved_diff_with_its_proof(tmp_path: Path) -> None:
    (tmp_path / "b.py").write_text(LINES)
    shown = run("scan", tmp_path, "--fix").stdout
    proofs = [line for line in shown.splitlines() if line.startswith("proved ")]
    assert proofs == ["proved F632 in b.py:5", "proved W605 in b.py:5"]
    assert shown.count("✓ applies, ✓ parses, ✓ finding_gone") == 2
    patch = shown[shown.index("--- a/b.py") :].split("\n\nproved")[0]
    assert apply_patch(LINES, f"{patch}\n") == LINES.replace("x is 'a'", "x == 'a'")
    assert "\x1b" not in shown


@pytest.mark.parametrize("form", ["json", "table"])
@pytest.mark.parametrize("name", ["b.py", "a b#ü.py"])
def test_git_applies_what_is_shown_as_apply_writes_it(tmp_path: Path, form: str, name: str) -> None:
    content = "\ufeffx = 'a'\f\r\n# \u2028 \x85 \u00a0\r\nif x is 'a':\r\n\f\tpass\r\n".encode()
    for folder in ("git", "own"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_bytes(content)
    shown = run("scan", tmp_path / "git", "--fix", "--format", form).stdout
    if form == "json":
        (fix,) = json.loads(shown)["fixes"]
        patch = fix["patch"]
    else:
        patch = shown[shown.index("--- a/") :].partition("\n\n")[0] + "\n"
    git = ["git", "-c", "core.autocrlf=false", "apply", "--whitespace=nowarn", "-"]
    subprocess.run(git, cwd=tmp_path / "git", input=patch.encode(), check=True)
    run("scan", tmp_path / "own", "--apply")
    written = (tmp_path / "own" / name).read_bytes()
    assert (tmp_path / "git" / name).read_bytes() == written != content


def test_a_terminal_gets_colours(tmp_path: Path) -> None:
    (tmp_path / "b.py").write_text(LINES)
    main, terminal = pty.openpty()
    own = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    process = subprocess.Popen(
        [sys.executable, "-m", "kova_server", "scan", str(tmp_path), "--fix"],
        stdout=terminal,
        stderr=subprocess.DEVNULL,
        env=own | {"TERM": "xterm-256color", "COLUMNS": "200"},
    )
    os.close(terminal)
    shown = b""
    while True:
        try:
            part = os.read(main, 65_536)
        except OSError:  # The terminal's other side is closed.
            break
        if not part:
            break
        shown += part
    os.close(main)
    assert process.wait() == 1
    assert b"\x1b[32m+\t" in shown
    assert b"\x1b[31m-\t" in shown


@pytest.mark.parametrize("name", ["b.py", "a b#ü.py"])
def test_sarif_carries_the_edits_exactly(
    tmp_path: Path, name: str, validator: jsonschema.Draft7Validator
) -> None:
    """What a viewer makes of the replacements is what Kova proved and writes."""
    (tmp_path / name).write_text(LINES)
    log = json.loads(run("scan", tmp_path, "--fix", "--format", "sarif").stdout)
    validator.validate(log)
    check_github_rules(log)
    patches = json.loads(run("scan", tmp_path, "--fix", "--format", "json").stdout)["fixes"]
    expected = {fix["rule_id"]: apply_patch(LINES, fix["patch"]) for fix in patches}
    results = log["runs"][0]["results"]
    assert len(results) == 2
    for result in results:
        (fix,) = result["fixes"]
        (change,) = fix["artifactChanges"]
        place = result["locations"][0]["physicalLocation"]["artifactLocation"]
        assert change["artifactLocation"] == place
        assert "finding_gone" in fix["description"]["text"]
        mended = apply_replacements(LINES, change["replacements"])
        assert mended == expected[result["ruleId"].removeprefix("ruff/")]


def apply_replacements(text: str, replacements: list[dict[str, Any]]) -> str:
    """Apply SARIF replacements, columns counted in code points, as the log's columnKind says."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for change in sorted(replacements, key=json.dumps, reverse=True):
        region = change["deletedRegion"]
        start = starts[region["startLine"] - 1] + region["startColumn"] - 1
        end = starts[region["endLine"] - 1] + region["endColumn"] - 1
        text = text[:start] + change["insertedContent"]["text"] + text[end:]
    return text


def test_without_fix_there_are_none(tmp_path: Path) -> None:
    (tmp_path / "b.py").write_bytes(BAD)
    log = json.loads(run("scan", tmp_path, "--format", "sarif").stdout)
    assert all("fixes" not in result for result in log["runs"][0]["results"])


def test_apply_implies_fix(tmp_path: Path) -> None:
    (tmp_path / "b.py").write_bytes(BAD)
    process = run("scan", tmp_path, "--apply")
    assert process.returncode == 0
    assert "2 fixes tried, 2 proved, 2 written." in process.stdout
    assert "written F632 in b.py:5" in process.stdout
    assert b"x == 'a'" in (tmp_path / "b.py").read_bytes()


def test_a_folder_that_cannot_be_written_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "b.py").write_bytes(BAD)
    tmp_path.chmod(0o555)
    try:
        process = run_interpreter("scan", tmp_path, "--apply", prepare=obey_file_modes)
    finally:
        tmp_path.chmod(0o755)
    assert (process.returncode, len(process.stderr.splitlines())) == (2, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["b.py"]
    assert (tmp_path / "b.py").read_bytes() == BAD
