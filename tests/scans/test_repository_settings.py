"""`.kova.toml` of the default branch decides what is read, told and offered."""

from __future__ import annotations

from tests.scans.conftest import NAME, Desk

BAD = b"def f(x):\n    return x is 'a'\n"
SECTIONS = b"""
exclude = ["vendor"]
[[section]]
paths = ["legacy"]
rules = { off = ["F632"] }
[[section]]
paths = ["careful"]
auto_fix = "off"
"""


def test_paths_rules_and_fixes_follow_the_file(desk: Desk) -> None:
    names = ("a.py", "vendor/a.py", "legacy/a.py", "careful/a.py")
    desk.push({".kova.toml": SECTIONS, **dict.fromkeys(names, BAD)})
    scan = desk.scan()
    assert {path for path, _, _ in desk.errors()} == {"a.py", "careful/a.py"}
    assert scan.stats.suppressed == 1
    assert scan.coverage["files"]["excluded"] == 1
    assert scan.coverage["suppressed"]["items"][0]["path"] == "legacy/a.py"
    assert "1 left out by `.kova.toml`" in desk.summary()
    (pull,) = desk.github.state.pulls(NAME)
    file = desk.github.state.file
    assert file(NAME, pull["head_ref"], "careful/a.py") == BAD
    assert file(NAME, pull["head_ref"], "a.py") != BAD


def test_a_rule_switched_off_silences_and_switched_on_again_is_nobody_s_new_error(
    desk: Desk,
) -> None:
    desk.push({"a.py": BAD})
    desk.scan(fix=False)
    desk.push({".kova.toml": b'[rules]\noff = ["F632"]\n', "b.py": BAD})
    off = desk.scan(fix=False)
    assert (off.stats.errors, off.stats.new_errors, off.stats.fixed_errors) == (0, 0, 0)
    assert set(desk.errors().values()) == {"ignored"}
    desk.push({".kova.toml": b""})
    on = desk.scan(fix=False)
    assert (on.stats.errors, on.stats.new_errors, on.stats.reopened_errors) == (2, 0, 0)
    assert set(desk.errors().values()) == {"open"}


def test_a_broken_file_is_a_notice_and_the_defaults_apply(desk: Desk) -> None:
    desk.push({".kova.toml": b'exclud = ["vendor"]\n', "vendor/a.py": BAD})
    scan = desk.scan(fix=False)
    assert scan.stats.errors == 1
    assert scan.coverage["settings"]["problems"] == ["`exclud` is not a setting."]
    assert "**`.kova.toml` is not valid; the defaults apply.**" in desk.summary()


def test_a_pull_request_cannot_bring_its_own_settings(desk: Desk) -> None:
    desk.push({"a.py": b"x = 1\n", ".kova.toml": b'exclude = ["quiet"]\n'})
    desk.scan(fix=False)
    own = b'exclude = ["a.py", "b.py"]\n'
    desk.push({".kova.toml": own, "a.py": BAD, "quiet/a.py": BAD}, branch="feature")
    scan = desk.pull("feature")
    assert (scan.stats.errors, scan.coverage["files"]["excluded"]) == (1, 1)


def test_fail_on_decides_the_check_run(desk: Desk) -> None:
    desk.push({".kova.toml": b'fail_on = "critical"\n', "a.py": BAD})
    desk.scan(fix=False)
    assert desk.github.state.check_runs(NAME)[-1]["conclusion"] == "neutral"


def test_coverage_tells_what_nobody_read(desk: Desk) -> None:
    desk.push({"a.py": BAD, "main.go": b"package main\n", "big.py": b"x = 1\n" * 200_000})
    scan = desk.scan(fix=False)
    languages = {language["name"]: language for language in scan.coverage["languages"]}
    assert languages["Go"] == {"name": "Go", "files": 1, "analyzed": 0}
    assert languages["Python"] == {"name": "Python", "files": 2, "analyzed": 1}
    assert scan.coverage["files"]["skipped"] == {"too_large": 1}
    (ruff,) = [analyzer for analyzer in scan.coverage["analyzers"] if analyzer["name"] == "ruff"]
    assert (ruff["files"], ruff["finished"]) == (1, True)
    assert "| Go | 1 | 0 |" in desk.summary()
