"""The census of words and sizes counts what it says, and sees what is beyond a limit."""

from __future__ import annotations

import pytest

from tests.checks import house
from tests.checks.house import VAGUE, WEAK, Census, take_census

TEXT = """
def select(found, *, limit, **data):
    one = [kept for kept in found if kept]
    with open(one) as item, lock:
        total, left = 1, 2
    return lambda x: x
"""


def test_assignments_and_arguments_are_counted_and_uses_are_not() -> None:
    census = take_census({"a.py": TEXT})
    names = ("found", "limit", "data", "one", "kept", "item", "total", "left", "x")
    assert census.names == dict.fromkeys(names, 1)
    assert census.percent(WEAK) == pytest.approx(100 * 4 / 9)
    assert census.percent(VAGUE) == pytest.approx(100 * 3 / 9)


@pytest.mark.parametrize(
    ("path", "text", "problem"),
    [
        ("layers/common/kova/fixes/a.py", "found = 1\n", "are weak"),
        ("layers/common/kova/fixes/a.py", "data = 1\n", "are vague"),
        ("bench/a.py", "name = 1\n" * 401, "has 401 lines"),
        ("server/a.py", "def f():\n" + "    g()\n" * 60, "has 61 lines"),
        ("server/a.py", "class Named: ...\nclass Named: ...\n", "are called Named"),
    ],
)
def test_what_is_beyond_a_limit_is_seen(
    path: str, text: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house, "read_texts", lambda: {path: text})
    assert [line for line in house.check_house() if problem in line]


def test_a_folder_of_the_core_is_bounded() -> None:
    census = Census(file_lines={f"layers/common/kova/fixes/m{n}.py": 1 for n in range(31)})
    assert house._check_sizes(census) == ["fixes has 31 files, 30 is the limit"]
