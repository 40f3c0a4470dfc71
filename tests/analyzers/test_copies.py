"""What is changed in the private copy of a file, so that no comment hides anything from its tool."""

from __future__ import annotations

from pathlib import Path

import pytest

from kova.adapters.analyzers.shellcheck import ShellcheckAnalyzer
from kova.adapters.analyzers.syntax_readers.__main__ import check

SHELLCHECK = ShellcheckAnalyzer(Path("/shellcheck"))


@pytest.mark.parametrize(
    ("line", "prepared"),
    [
        (b"# shellcheck disable=SC1", b"# shellchecK disable=SC1"),
        (b"x #shellcheck source=a disable=SC1", b"x #shellchecK source=a disable=SC1"),
        (b"# shellcheck shell=bash", b"# shellcheck shell=bash"),
        (b"# shellcheckx disable=SC1", b"# shellcheckx disable=SC1"),
        (b"disable= # shellcheck shell=sh", b"disable= # shellcheck shell=sh"),
    ],
)
def test_a_directive_is_renamed_where_it_switches_rules_off(line: bytes, prepared: bytes) -> None:
    assert SHELLCHECK.prepare(line + b"\nx\n" + line) == prepared + b"\nx\n" + prepared


def test_a_conflict_is_found_by_its_marks_in_order() -> None:
    text = "a: [\n<<<<<<< ours\nb\n=======\nc\n>>>>>>> theirs\n"
    (hit,) = check("a.yaml", text)
    assert (hit.rule, hit.start) == ("merge-conflict", (2, 1))
    (hit,) = check("a.yaml", "a: [\n=======\n<<<<<<< ours\n>>>>>>> theirs\n")
    assert hit.rule == "invalid-yaml"


def test_a_key_of_hundreds_of_parts_ends_the_reader_and_dots_in_texts_do_not() -> None:
    with pytest.raises(RecursionError):
        list(check("a.toml", "a" + ".a" * 300 + " = 1"))
    assert list(check("a.toml", f"a = '{'.' * 300}'  # {'.' * 300}\n")) == []


def test_keys_that_stand_twice_are_found_where_they_stand() -> None:
    text = '{"a": 1,\n "b": {"a": 2, "a": 3},\n  "a": 4, "b": 5}'
    places = [(hit.start, hit.end) for hit in check("a.json", text)]
    assert places == [((2, 16), (2, 19)), ((3, 3), (3, 6)), ((3, 11), (3, 14))]


@pytest.mark.parametrize("text", ['{"a": 1 /* ', '{"a": 1, /* x', '{"a": "x', '{/* x */ "a": "\\"'])
def test_what_has_no_end_is_no_json(text: str) -> None:
    (hit,) = check("tsconfig.json", text)
    assert hit.rule == "invalid-json"
