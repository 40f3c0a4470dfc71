"""Differences of lines are difflib's where that is cheap, and bounded where it is not."""

from __future__ import annotations

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kova.fixes.patch import apply_patch
from kova.shared.line_diff import LineDiff, unified_diff

LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "d\n", "\n"]), max_size=40)


def rebuild(before: list[str], after: list[str], diff: LineDiff) -> tuple[list[str], list[str]]:
    """Return both sides as the opcodes put them together."""
    old, new = list[str](), list[str]()
    for tag, first, last, start, end in diff.get_opcodes():
        assert (tag == "equal") == (before[first:last] == after[start:end])
        old += before[first:last]
        new += after[start:end]
    return old, new


@given(LINES, LINES)
def test_a_patch_turns_one_into_the_other(before: list[str], after: list[str]) -> None:
    patch = "".join(unified_diff("a", before, after))
    assert bool(patch) == (before != after)
    assert apply_patch("".join(before), patch) == "".join(after)
    assert rebuild(before, after, LineDiff(before, after)) == (before, after)


@given(st.lists(st.integers(), unique=True, max_size=60), st.data())
def test_an_edit_of_different_lines_is_as_difflib_says(
    numbers: list[int], data: st.DataObject
) -> None:
    before = [f"{number}\n" for number in numbers]
    after = list(before)
    for place in data.draw(st.lists(st.integers(0, max(len(before) - 1, 0)), max_size=3)):
        after[place : place + 1] = data.draw(st.sampled_from([[], ["x\n"], ["x\n", "y\n"]]))
    expected = difflib.unified_diff(before, after, fromfile="a/p", tofile="b/p")
    assert list(unified_diff("p", before, after)) == list(expected)


@pytest.mark.parametrize("kinds", [1, 150, 2_000])
def test_a_large_file_of_like_lines_is_compared_at_once(kinds: int) -> None:
    # difflib takes 20 seconds for 150 kinds, and hours for one without its shortcuts.
    before = [f"x = {number % kinds}\n" for number in range(100_000)]
    after = list(before)
    after[10], after[60_000] = "y\n", "z\n"
    (head, *_), _, hunk, *_ = list(unified_diff("a", before, after))
    assert (head, hunk[:4]) == ("-", "@@ -")
    patch = "".join(unified_diff("a", before, after))
    assert apply_patch("".join(before), patch) == "".join(after)


def test_a_change_at_every_other_line_is_compared_at_once() -> None:
    before = [f"{number}\n" for number in range(50_000)]
    after = [line if number % 2 else f"new {line}" for number, line in enumerate(before)]
    patch = "".join(unified_diff("a", before, after))
    assert apply_patch("".join(before), patch) == "".join(after)


def test_an_edit_at_one_place_is_small_however_alike_the_lines_are() -> None:
    before = ["x\n"] * 100_000
    after = [*before[:50_000], "y\n", *before[50_001:]]
    changes = [opcode for opcode in LineDiff(before, after).get_opcodes() if opcode[0] != "equal"]
    assert changes == [("replace", 50_000, 50_001, 50_000, 50_001)]
