"""`kova scan`: a folder, no server."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.support.kova_process import run_command

BAD = b"import re\n\n\ndef f(x):\n    return x is 'a' and re.match('\\d', x)\n"


def kova(*arguments: str | Path, code: int) -> str:
    own = {key: value for key, value in os.environ.items() if not key.startswith("KOVA_")}
    process = run_command("scan", *arguments, environment=own)
    assert process.returncode == code, process.stdout + process.stderr
    assert "Traceback" not in process.stderr
    return process.stdout


def test_a_clean_folder_exits_0_and_one_with_errors_1(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    assert "0 errors" in kova(tmp_path, code=0)
    (tmp_path / "b.py").write_bytes(BAD)
    table = kova(tmp_path, code=1)
    assert "F632" in table
    assert "b.py:5:12" in table


def test_fail_on_draws_the_line(tmp_path: Path) -> None:
    (tmp_path / "b.py").write_bytes(b"import re\nre.match('\\d', 'x')\n")
    kova(tmp_path, "--fail-on", "high", code=0)
    kova(tmp_path, "--fail-on", "low", code=1)


def test_what_cannot_run_exits_2(tmp_path: Path) -> None:
    kova(tmp_path / "none", code=2)
    kova(tmp_path, "--format", "odd", code=2)


def test_json_has_findings_fixes_skipped_and_stats(tmp_path: Path) -> None:
    (tmp_path / "b.py").write_bytes(BAD)
    (tmp_path / "l.py").write_bytes(b"x = '\xe9'\n")
    (tmp_path / "link.py").symlink_to("b.py")
    document = json.loads(kova(tmp_path, "--format", "json", "--fix", code=1))
    assert {finding["rule_id"]: finding["fixable"] for finding in document["findings"]} == {
        "F632": True,
        "W605": True,
    }
    assert {(fix["path"], fix["rule_id"], fix["status"]) for fix in document["fixes"]} == {
        ("b.py", "F632", "verified"),
        ("b.py", "W605", "verified"),
    }
    assert all(len(fix["verification"]) == 6 for fix in document["fixes"])
    assert {(file["path"], file["reason"]) for file in document["skipped"]} == {
        ("l.py", "not_utf8"),
        ("link.py", "symlink"),
    }
    assert document["stats"]["files_analyzed"] == 1
    assert (tmp_path / "b.py").read_bytes() == BAD


def test_applying_mends_exactly_the_proved_ones_and_keeps_the_mode(tmp_path: Path) -> None:
    target = tmp_path / "b.py"
    target.write_bytes(BAD + b"\n\ndef g(a=[]):\n    return undefined_name\n")
    target.chmod(0o751)
    before = json.loads(kova(tmp_path, "--format", "json", "--fix", "--apply", code=1))
    after = json.loads(kova(tmp_path, "--format", "json", code=1))
    applied = {fix["id"] for fix in before["fixes"] if fix["applied"]}
    assert len(applied) == 2
    before_ids, after_ids = (
        {finding["id"] for finding in document["findings"]} for document in (before, after)
    )
    assert before_ids - after_ids == applied
    assert not after_ids - before_ids
    assert target.stat().st_mode & 0o777 == 0o751
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.py"]


def test_sarif_names_rules_places_and_fingerprints(tmp_path: Path) -> None:
    (tmp_path / "a b.py").write_bytes(BAD)
    log = json.loads(kova(tmp_path, "--format", "sarif", code=1))
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert {rules[result["ruleIndex"]] for result in run["results"]} == {"ruff/F632", "ruff/W605"}
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "a%20b.py"
    assert all(len(result["partialFingerprints"]["kova/v1"]) == 64 for result in run["results"])


@pytest.mark.parametrize("name", ["\x1b[31mred.py", "new\nline.py", os.fsdecode(b"\xff.py")])
def test_hostile_names_are_said_and_harmless(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(BAD)
    shown = kova(tmp_path, code=0)
    assert "\x1b[31m" not in shown
    assert "unsafe_path" in shown


def test_settings_are_read_where_they_are_named_and_not_by_themselves(tmp_path: Path) -> None:
    settings = tmp_path / ".kova.toml"
    settings.write_text('exclude = ["vendor"]\nfail_on = "high"\nrules = { off = ["F632"] }\n')
    (tmp_path / "vendor").mkdir()
    for name in ("a.py", "vendor/a.py"):
        (tmp_path / name).write_bytes(BAD)
    output = kova(tmp_path, code=1)
    assert "4 errors" in output
    assert ".kova.toml was not read: name it with --settings." in output
    output = kova(tmp_path, "--settings", settings, code=0)
    assert "1 error" in output
    assert "1 more suppressed by the code or the settings." in output
    assert "1 file left out by the settings." in output
    kova(tmp_path, "--settings", settings, "--fail-on", "low", code=1)
    settings.write_text("exclud = []\n")
    kova(tmp_path, "--settings", settings, code=2)
    kova(tmp_path, "--settings", tmp_path / "none.toml", code=2)


def test_folders_of_tools_are_left_out_and_said(tmp_path: Path) -> None:
    tag = "Signature: 8a477f597d28d172789f06886806bc55\n# made by a tool\n"
    for name, mark in {"cache": "CACHEDIR.TAG", "env": "pyvenv.cfg", "node_modules": "x"}.items():
        (tmp_path / "src" / name).mkdir(parents=True)
        (tmp_path / "src" / name / mark).write_text(tag)
        (tmp_path / "src" / name / "a.py").write_bytes(BAD)
    document = json.loads(kova(tmp_path, "--format", "json", code=0))
    assert document["skipped"] == [
        {"path": "src/cache", "reason": "cache_folder"},
        {"path": "src/env", "reason": "installed_packages"},
        {"path": "src/node_modules", "reason": "installed_packages"},
    ]
    (tmp_path / "src" / "cache" / "CACHEDIR.TAG").write_text("Signature: of somebody\n")
    kova(tmp_path, code=1)
