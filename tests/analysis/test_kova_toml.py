"""`.kova.toml` is read strictly, and can do no harm."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kova.analysis.globs import Glob
from kova.analysis.kova_toml import parse_settings
from kova.analysis.repository_settings import KovaTomlSettings
from kova.shared.repository import AutoFix
from kova.shared.severity import Severity
from tests.support.findings import finding

FULL = b"""
languages = ["Python", "typescript"]
exclude = ["vendor", "**/*_pb2.py"]
fail_on = "critical"
auto_fix = "suggest"
[rules]
off = ["S1*", "oxlint/no-eval"]
[[section]]
paths = ["services/api/**"]
fail_on = "medium"
auto_fix = "pull_request"
rules = { on = ["S113"], off = ["B006"] }
"""


def settings() -> KovaTomlSettings:
    parsed = parse_settings(FULL)
    assert parsed.problems == ()
    return parsed


def reports(path: str, rule: str, analyzer: str = "ruff") -> bool:
    return settings().reports(finding(path=path, rule_id=rule, analyzer=analyzer))


def test_no_file_means_the_defaults() -> None:
    none = parse_settings(None)
    assert not none.present
    assert none.reads("any/thing.xyz")
    assert none.reports(finding())
    assert none.fail_on("a.py", Severity.LOW) is Severity.LOW


def test_paths_and_languages_choose_the_files() -> None:
    file_settings = settings()
    assert file_settings.reads("a.py")
    assert file_settings.reads("web/a.ts")
    assert not file_settings.reads("a.js")
    assert not file_settings.reads("vendor/lib/a.py")
    assert not file_settings.reads("deep/down/x_pb2.py")
    assert not file_settings.reads("x_pb2.py")


def test_rules_are_switched_by_name_by_pattern_and_by_section() -> None:
    assert not reports("a.py", "S113")
    assert reports("services/api/a.py", "S113")
    assert not reports("services/api/a.py", "S101")
    assert reports("a.py", "B006")
    assert not reports("services/api/a.py", "B006")
    assert not reports("a.ts", "no-eval", "oxlint")
    assert reports("a.ts", "no-eval", "other")


def test_a_section_is_narrower_than_the_file() -> None:
    file_settings = settings()
    assert file_settings.fail_on("a.py", Severity.HIGH) is Severity.CRITICAL
    assert file_settings.fail_on("services/api/x/a.py", Severity.HIGH) is Severity.MEDIUM
    assert file_settings.auto_fix("a.py", AutoFix.PULL_REQUEST) is AutoFix.SUGGEST
    assert file_settings.auto_fix("services/api/a.py", AutoFix.PULL_REQUEST) is AutoFix.PULL_REQUEST


def test_a_file_never_allows_more_than_an_administrator() -> None:
    assert settings().auto_fix("services/api/a.py", AutoFix.OFF) is AutoFix.OFF


@pytest.mark.parametrize(
    ("text", "beginning"),
    [
        ("exclude = 'vendor'", "`exclude` must be a list of texts."),
        ("exlude = []", "`exlude` is not a setting."),
        ("fail_on = 'severe'", "`fail_on` has a value that is not allowed."),
        ("auto_fix = []", "`auto_fix` has a value that is not allowed."),
        ("languages = ['Klingon']", "`languages` names 'Klingon', which is not known."),
        ("rules = 3", "`rules` must be a table."),
        ("[rules]\nof = []", "rules.`of` is not a setting."),
        ("[section]\npaths = ['a']", "`section` must be written as [[section]] tables."),
        ("[[section]]\nfail_on = 'low'", "section 1: `paths` must name at least one pattern."),
        ("[[section]]\npaths = ['a']\nexclude = []", "section 1: `exclude` is not a setting."),
        ("exclude = [''] ", "`exclude` has an entry that is empty or too long."),
        ("a = ", "The file is not TOML"),
        ("a = " + "[" * 5_000, "The file is"),
        ("x" * 64_001, "The file has more than 64000 bytes."),
        ("exclude = [" + "'a'," * 51 + "]", "`exclude` has more than 50 entries."),
        (f"include = ['{'**/a/' * 6}']", "`include` has an entry with more than 5 times `**`."),
    ],
)
def test_what_is_wrong_is_told_and_then_nothing_applies(text: str, beginning: str) -> None:
    broken = parse_settings(text.encode())
    assert any(problem.startswith(beginning) for problem in broken.problems), broken.problems
    assert broken.present
    assert broken.reads("vendor/a.js")
    assert broken.reports(finding())


@pytest.mark.parametrize(
    "text", [".".join("a" * 30_000) + " = 1", f"[{'.'.join('a' * 30_000)}]", "a" + ".a" * 201]
)
def test_a_key_of_very_many_parts_is_told_and_not_parsed(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The parser takes the square of the parts: 20 seconds.
    monkeypatch.setattr("tomllib.loads", None)
    assert parse_settings(text.encode()).problems == ("A line has more than 200 dots.",)


def test_bytes_that_are_no_text_are_told() -> None:
    assert parse_settings(b"\xff").problems == ("The file is not UTF-8.",)


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("src", "src/a.py", True),
        ("src/", "src/x/a.py", True),
        ("src", "other/src/a.py", False),
        ("**/src", "other/src/a.py", True),
        ("**/src", "src/a.py", True),
        ("*.py", "a.py", True),
        ("*.py", "x/a.py", False),
        ("**/*.py", "x/y/a.py", True),
        ("src/**", "src/a.py", True),
        ("src/**", "src", False),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/y/b/c.py", True),
        ("a/**/b", "a/x/y/c", False),
        ("/src/./a.py", "src/a.py", True),
        ("?.py", "a.py", True),
        ("?.py", "ab.py", False),
        ("[ab].py", "a.py", True),
    ],
)
def test_patterns(pattern: str, path: str, matches: bool) -> None:
    assert Glob(pattern=pattern).matches(path) is matches


def test_a_pattern_made_to_be_slow_is_not() -> None:
    slow = Glob(pattern="/".join(["**"] * 40 + ["*a*a*a*a*a*a*a*b"]))
    assert not slow.matches("/".join(["a" * 60] * 60))


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_pattern_answers_for_any_path(pattern: str, path: str) -> None:
    assert Glob(pattern=pattern).matches(path) in {True, False}


@given(
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))
)
def test_any_bytes_are_settings_or_problems(content: bytes) -> None:
    parsed = parse_settings(content)
    assert parsed.present
    assert parsed.digest == parse_settings(content).digest
    parsed.reads("a/b.py")
    if not parsed.problems:
        tomllib.loads(content.decode())


KEYS = ["exclude", "include", "languages", "analyzers", "rules", "fail_on", "auto_fix", "section"]
VALUES = (
    st.sampled_from(['"high"', '"off"', "3", "true", '["a"]', '["**/x"]', "{}", '{off = ["A*"]}'])
    | st.text(alphabet='"[]{}=,ab*', max_size=8)
)  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(KEYS), VALUES), max_size=5))
def test_any_setting_with_any_value_is_settings_or_problems(pairs: list[tuple[str, str]]) -> None:
    parsed = parse_settings("\n".join(f"{key} = {value}" for key, value in pairs).encode())
    parsed.reports(finding())
    assert all(problem.endswith(".") for problem in parsed.problems)
