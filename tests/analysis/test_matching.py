"""Known errors are recognised among findings, one to one."""

from __future__ import annotations

import random
import time

from hypothesis import given
from hypothesis import strategies as st

from kova.analysis.alignment import align
from kova.analysis.finding import Traits
from kova.analysis.matching import Sighting, recognise, sighting_of
from tests.support.findings import findings_of

FILE = """import os


def first(x):
    return BAD(x)


def second(x):
    y = BAD(x)
    return BAD(x), y


class Third:
    def method(self):
        BAD(x)
        BAD(x)
"""


def sightings(text: str, path: str = "a.py") -> list[Sighting]:
    return [sighting_of(finding) for finding in findings_of(path, text)]


def match_lines(before: str, after: str, **kwargs: object) -> dict[int, int]:
    """Return line after by line before."""
    old, new = sightings(before), sightings(after)
    matches = recognise(old, new, **kwargs)  # type: ignore[arg-type]
    return {old[old_index].line: new[new_index].line for new_index, old_index in matches.items()}


def test_nothing_changed_is_all_recognised() -> None:
    lines = {sighting.line for sighting in sightings(FILE)}
    assert match_lines(FILE, FILE) == {line: line for line in lines}


def test_lines_inserted_above_and_between_move_errors_and_do_not_swap_equal_ones() -> None:
    after = FILE.replace("    y = BAD(x)", "    # a note\n    y = BAD(x)").replace(
        "        BAD(x)\n        BAD(x)", "        BAD(x)\n        # between\n        BAD(x)"
    )
    assert match_lines(FILE, "# above\n" + after) == {5: 6, 9: 11, 10: 12, 15: 17, 16: 19}


def test_an_equal_error_added_before_another_is_the_new_one() -> None:
    before = "def f():\n    a()\n    BAD(x)\n    b()\n"
    after = "def f():\n    BAD(x)\n    a()\n    BAD(x)\n    b()\n"
    assert match_lines(before, after) == {3: 4}


def test_of_two_equal_errors_the_one_that_is_left_keeps_its_identity() -> None:
    before = "def f():\n    BAD(x)\n    one()\n    two()\n    BAD(x)\n"
    assert match_lines(before, "def f():\n    one()\n    two()\n    BAD(x)\n") == {5: 4}


def test_a_function_that_is_renamed_keeps_its_errors() -> None:
    after = FILE.replace("def second", "def another").replace("class Third", "class Fourth")
    assert match_lines(FILE, after) == {line: line for line in (5, 9, 10, 15, 16)}


def test_quotes_and_spaces_are_a_formatter_s_business() -> None:
    before = "def f():\n    x = [BAD(a), 'b', ]\n"
    after = 'def f():\n\tx = [\n\t\tBAD(a),\n\t\t"b",\n\t]\n'
    assert match_lines(before, after) == {2: 3}


def test_a_changed_text_at_its_place_is_the_same_error() -> None:
    before = "def f():\n    start()\n    return BAD(one)\n"
    after = "# more\n" + before.replace("one", "two")
    old, new = sightings(before + "BAD(z)\n"), sightings(after + "BAD(z)\n")
    assert recognise(old, new) == {0: 0, 1: 1}


def test_a_renamed_file_keeps_its_errors_told_or_guessed() -> None:
    old, new = sightings(FILE), sightings("# licence\n" + FILE, "src/b.py")
    everything = {index: index for index in range(5)}
    assert recognise(old, new, moved={"a.py": "src/b.py"}) == everything
    assert recognise(old, new, deleted=frozenset({"a.py"})) == everything


def test_of_two_equal_files_the_one_that_stays_keeps_its_errors() -> None:
    old = sightings(FILE) + sightings(FILE, "copy.py")
    new = sightings(FILE, "copy.py")
    assert recognise(old, new, deleted=frozenset({"a.py"})) == {
        index: index + 5 for index in range(5)
    }


def test_a_function_moved_to_another_file_takes_its_error_along() -> None:
    moving = "def moving(x):\n    z = x + 1\n    return BAD(z)\n"
    old = sightings(FILE + moving) + sightings("x = 1\nBAD(here)\n", "b.py")
    new = sightings(FILE) + sightings("x = 1\nBAD(here)\n\n\n" + moving, "b.py")
    assert recognise(old, new) == {**{index: index for index in range(5)}, 5: 6, 6: 5}


def test_a_file_that_was_not_read_gives_no_errors_away() -> None:
    (sighting,) = sightings("def f():\n    BAD(x)\n")
    immovable = Sighting(
        analyzer="tool",
        rule_id="R1",
        path="a.py",
        line=sighting.line,
        column=sighting.column,
        traits=sighting.traits,
        movable=False,
    )
    assert recognise([immovable], sightings("def f():\n    BAD(x)\n", "b.py")) == {}


def test_a_fixed_error_comes_back_only_by_a_strong_trait() -> None:
    (sighting,) = sightings("def f():\n    BAD(x)\n")
    fixed = Sighting(
        **{
            name: getattr(sighting, name)
            for name in ("analyzer", "rule_id", "path", "line", "column")
        },
        traits=sighting.traits,
        settled=True,
    )
    assert recognise([fixed], sightings("\n\ndef f():\n    BAD(x)\n")) == {0: 0}
    assert recognise([fixed], sightings("def g():\n    BAD(x)\n")) == {}


@st.composite
def sighting_lists(draw: st.DrawFn) -> list[Sighting]:
    def draw_sighting() -> Sighting:
        names = [draw(st.sampled_from("abc")) for _ in range(4)]
        line, scope, window, match = names
        return Sighting(
            analyzer="tool",
            rule_id=draw(st.sampled_from(["R1", "R2"])),
            path=draw(st.sampled_from(["a.py", "b.py", "c.py"])),
            line=draw(st.integers(1, 20)),
            column=1,
            traits=Traits(line=line, scope=scope, window=window, match=match),
            settled=draw(st.booleans()),
        )

    return [draw_sighting() for _ in range(draw(st.integers(0, 8)))]


@given(sighting_lists(), sighting_lists(), st.randoms(use_true_random=False))
def test_it_is_one_to_one_of_one_rule_and_does_not_depend_on_the_order(
    before: list[Sighting], after: list[Sighting], chance: random.Random
) -> None:
    deleted = frozenset({"c.py"})
    matches = recognise(before, after, deleted=deleted)
    assert len(set(matches.values())) == len(matches)
    assert all(before[old].rule_id == after[new].rule_id for new, old in matches.items())
    mixed = chance.sample(range(len(before)), len(before))
    again = recognise([before[index] for index in mixed], after, deleted=deleted)
    assert len(again) == len(matches)


def test_two_errors_at_one_place_are_recognised_alike_in_either_order() -> None:
    def sighting(path: str, line: int, traits: str) -> Sighting:
        names = dict(zip(("line", "scope", "window", "match"), traits, strict=True))
        return Sighting(
            analyzer="tool", rule_id="R1", path=path, line=line, column=1, traits=Traits(**names)
        )

    before = [sighting("c.py", 2, "aaba"), sighting("c.py", 2, "abbb")]
    after = [sighting("b.py", 1, "aaab"), sighting("b.py", 3, "baaa")]
    deleted = frozenset({"c.py"})
    counts = {len(recognise(order, after, deleted=deleted)) for order in (before, before[::-1])}
    assert len(counts) == 1


@given(st.lists(st.integers(1, 50), max_size=7), st.lists(st.integers(1, 50), max_size=7))
def test_alignment_is_in_order_and_leaves_out_as_few_as_it_can(
    expected: list[int], lines: list[int]
) -> None:
    alignment = align(sorted(expected), sorted(lines))
    assert len(alignment) == min(len(expected), len(lines))
    assert alignment == sorted(alignment)
    assert (
        len({expected_index for expected_index, _ in alignment})
        == len({line_index for _, line_index in alignment})
        == len(alignment)
    )


def test_alignment_is_the_nearest() -> None:
    assert align([10, 50], [9, 30, 51]) == [(0, 0), (1, 2)]
    assert align([10, 20, 30], [31]) == [(2, 0)]


def test_a_hundred_thousand_errors_take_seconds() -> None:
    """Also when every one has equals: no bench, a guard against squares."""
    text = "def f():\n" + "    BAD(x)\n" * 50
    old = [sighting for number in range(1_000) for sighting in sightings(text, f"p{number}.py")]
    new = [
        sighting for number in range(1_000) for sighting in sightings(text[:-11], f"p{number}.py")
    ]
    started = time.process_time()
    matches = recognise(old * 2, new * 2)
    assert len(matches) >= 98_000
    assert time.process_time() - started < 30
