"""Which push came after which, by what events say: their times and the commits that they join."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from kova.scans.branch_head import STALENESS, Push, find_doubts, find_successors, is_newer

BEGIN = datetime(2026, 11, 30, tzinfo=UTC)


def push(
    before: str | None, after: str, second: int | None = None, *, age: timedelta = timedelta()
) -> Push:
    """Return a push from one commit to another; `age` is how long ago it was received."""
    pushed_at = None if second is None else BEGIN + timedelta(seconds=second)
    return Push(
        before=before, after=after, forced=False, pushed_at=pushed_at, received_at=BEGIN - age
    )


def doubts(sha: str, *pushes: Push) -> list[Push]:
    return find_doubts(sha, pushes, BEGIN)


def test_githubs_time_orders_pushes() -> None:
    first, second = push("a", "b", 1), push("c", "d", 2)
    assert is_newer(second, first, [first, second])
    assert not is_newer(first, second, [first, second])


def test_within_one_second_and_without_times_the_commits_order_them() -> None:
    for second in (5, None):
        first, middle, last = push("a", "b", second), push("b", "c", second), push("c", "d", second)
        for pushes in permutations((first, middle, last)):
            assert is_newer(last, first, pushes)
            assert not is_newer(first, last, pushes)
        # Without the middle nothing is certain.
        assert not is_newer(last, first, [first, last])
        assert not is_newer(first, last, [first, last])


def test_nothing_is_certain_where_a_branch_went_there_and_back_in_one_second() -> None:
    there, back = push("a", "b", 5), push("b", "a", 5)
    assert not is_newer(back, there, [there, back])
    assert not is_newer(there, back, [there, back])


def test_nothing_is_certain_where_times_of_a_minute_and_commits_disagree() -> None:
    first, second = push("a", "b", 9), push("b", "c", 2)
    assert not is_newer(first, second, [first, second])
    assert not is_newer(second, first, [first, second])


def test_times_that_are_far_apart_decide_alone() -> None:
    # The branch was deleted, and made anew where it began: nobody tells Kova of the deletion.
    first, again = push("0" * 40, "a", 0), push("0" * 40, "a", 200)
    between = push("a", "b", 100)
    assert is_newer(again, between, [first, between, again])
    assert not is_newer(between, again, [first, between, again])


def test_the_commit_before_a_recent_push_is_doubted_and_so_is_one_before_that() -> None:
    first, last = push("a", "b", 1), push("b", "c", 2)
    assert doubts("b", first, last) == [last]
    assert doubts("a", first, last) == [first, last]
    assert doubts("c", first, last) == []


def test_a_commit_that_the_branch_came_back_to_is_not_doubted() -> None:
    there, back = push("a", "b", 1), push("b", "a", 2)
    assert doubts("a", there, back) == []
    assert doubts("b", there, back) == [back]


def test_a_commit_that_a_later_push_began_at_is_not_doubted_by_an_earlier_one() -> None:
    first, last = push("a", "b", 1), push("c", "d", 5)
    assert doubts("c", first, last) == [last]


def test_an_answer_is_believed_some_minutes_after_the_last_push() -> None:
    old = push("a", "b", 1, age=STALENESS)
    assert doubts("a", old) == []
    assert doubts("x", old) == []
    assert doubts("x", push("a", "b", 1)) != []


def test_a_commit_is_replaced_by_what_came_after_its_last_push_alone() -> None:
    first, second = push("a", "b", 1), push("b", "c", 2)
    assert find_successors("b", [second, first]) == [second]
    again = push("c", "b", 3)
    assert find_successors("b", [again, second, first]) == []
    assert find_successors("unknown", [again, second, first]) == []


MOVES = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), min_size=2, max_size=9)


@given(moves=MOVES, data=st.data())
def test_what_is_called_certain_is_true_whatever_events_are_missing(
    moves: list[tuple[int, int]], data: st.DataObject
) -> None:
    history: list[Push] = []
    head, second = "0", 0
    for commit, wait in moves:
        second += wait
        if str(commit) != head:
            history.append(push(head, str(commit), second))
            head = str(commit)
    known = data.draw(st.lists(st.sampled_from(history), unique_by=id) if history else st.just([]))
    for index, first in enumerate(history):
        for later in history[index + 1 :]:
            if first in known and later in known and first.pushed_at != later.pushed_at:
                assert not is_newer(first, later, known)
