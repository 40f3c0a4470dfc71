"""What a branch's scan tells: what its commit brought, and nothing that people chose to ignore."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from kova.adapters.github.publisher import GitHubPublisher
from kova.bootstrap.errors import ErrorRoot
from kova.shared.exceptions import GitHubUnavailableError
from kova.shared.reach import EVERYTHING
from kova.shared.run_job import SettledError
from tests.scans.conftest import NAME, Desk

BAD = b"import re\n\n\ndef f(x):\n    return x is 'a' and re.match('\\d', x)\n"
WORSE = BAD + b"\n\ndef g(x):\n    return x is 'b'\n"


def last_run(desk: Desk) -> dict[str, Any]:
    return desk.github.state.check_runs(NAME)[-1]


def marked_places(desk: Desk) -> list[tuple[str, int]]:
    """Return the places that the last check run marks."""
    notes = desk.github.state.annotations(last_run(desk)["id"])
    return sorted((note["path"], note["start_line"]) for note in notes)


def ignore(desk: Desk, path: str, rule: str) -> str:
    (row,) = desk.rows(
        "SELECT id FROM errors WHERE path = %s AND rule_id = %s AND status = 'open'", path, rule
    )
    change = ErrorRoot(desk.core).change_error
    desk.run(
        change.ignore(
            str(row["id"]), reason="known", until=None, actor="somebody", reach=EVERYTHING
        )
    )
    return str(row["id"])


def test_a_push_marks_and_judges_what_it_brought(desk: Desk) -> None:
    desk.push({"a.py": BAD})
    desk.scan(fix=False)
    assert marked_places(desk) == [("a.py", 5), ("a.py", 5)]
    assert last_run(desk)["conclusion"] == "failure"
    desk.push({"b.py": b"x = 1\n"})
    desk.scan(fix=False)
    assert (marked_places(desk), last_run(desk)["conclusion"]) == ([], "success")
    assert last_run(desk)["output"]["title"] == "No new errors"
    assert "2 errors are open on this branch" in desk.summary()
    desk.push({"a.py": WORSE})
    desk.scan(fix=False)
    assert (marked_places(desk), last_run(desk)["conclusion"]) == ([("a.py", 9)], "failure")


def test_a_commit_scanned_again_is_told_the_same(desk: Desk) -> None:
    desk.push({"a.py": BAD})
    desk.scan(fix=False)
    desk.push({"a.py": WORSE})
    desk.scan(fix=False)
    before = (marked_places(desk), last_run(desk)["output"]["title"], last_run(desk)["conclusion"])
    desk.scan(fix=False)
    desk.scan(fix=False, full=True)
    assert (
        marked_places(desk),
        last_run(desk)["output"]["title"],
        last_run(desk)["conclusion"],
    ) == before
    assert len(desk.github.state.check_runs(NAME)) == 2


def test_an_error_that_comes_back_is_told_by_the_commit_that_brings_it(desk: Desk) -> None:
    desk.push({"a.py": BAD})
    desk.scan(fix=False)
    desk.push({"a.py": b"x = 1\n"})
    desk.scan(fix=False)
    desk.push({"a.py": BAD})
    assert desk.scan(fix=False).stats.reopened_errors == 2
    assert marked_places(desk) == [("a.py", 5), ("a.py", 5)]


def test_an_attempt_that_died_before_it_told_loses_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.push({"a.py": BAD})
    scan_id = str(uuid.uuid4())

    async def die(*_: object) -> None:
        raise GitHubUnavailableError

    with monkeypatch.context() as patched:
        patched.setattr(GitHubPublisher, "check_run", die)
        with pytest.raises(SettledError):
            desk.scan(fix=False, scan_id=scan_id)
    assert len(desk.errors()) == 2
    scan = desk.scan(fix=False, scan_id=scan_id)
    assert (scan.stats.new_errors, len(marked_places(desk))) == (2, 2)


def test_what_people_ignore_is_counted_and_neither_marked_nor_judged(desk: Desk) -> None:
    desk.push({"a.py": BAD})
    desk.scan(fix=False)
    ignore(desk, "a.py", "F632")
    scan = desk.scan(fix=False)
    assert (scan.stats.errors, scan.stats.ignored) == (1, 1)
    assert last_run(desk)["conclusion"] == "neutral"
    assert "1 error is ignored" in desk.summary()


def test_what_is_ignored_and_then_silenced_in_the_code_too_is_counted_once(desk: Desk) -> None:
    desk.push({"a.py": BAD})
    desk.scan(fix=False)
    ignore(desk, "a.py", "F632")
    desk.push({"a.py": BAD.replace(b"x)\n", b"x)  # noqa: F632\n")})
    stats = desk.scan(fix=False).stats
    assert (stats.errors, stats.ignored, stats.suppressed) == (1, 0, 1)


def test_a_fix_of_what_people_ignore_is_not_offered_until_they_open_it_again(desk: Desk) -> None:
    desk.push({"a.py": BAD, "b.py": BAD})
    desk.scan()
    error_id = ignore(desk, "a.py", "F632")
    desk.push({"c.py": b"x = 1\n"})
    desk.list_fetched()
    desk.scan()
    (pull,) = desk.github.state.pulls(NAME)
    file = desk.github.state.file
    assert b"x is 'a' and re.match(r'" in file(NAME, pull["head_ref"], "a.py")
    assert b"x == 'a' and re.match(r'" in file(NAME, pull["head_ref"], "b.py")
    assert "F632" not in [line for line in pull["body"].split("\n") if "`a.py:" in line]
    assert desk.list_fetched() == ["git/blobs"] * 2  # What is new, and what is proved without it.
    desk.push({"c.py": b"x = 2\n"})
    desk.scan()
    assert desk.list_fetched() == ["git/blobs"]
    assert b"x is 'a' and re.match(r'" in file(NAME, pull["head_ref"], "a.py")
    desk.run(ErrorRoot(desk.core).change_error.open(error_id, actor="somebody", reach=EVERYTHING))
    desk.scan()
    assert b"x == 'a' and re.match(r'" in file(NAME, pull["head_ref"], "a.py")


def test_a_commit_that_is_no_longer_the_head_is_told_what_the_branch_did_not_know(
    desk: Desk,
) -> None:
    desk.push({"a.py": BAD})
    desk.scan(fix=False)
    ignore(desk, "a.py", "W605")
    old = desk.push({"b.py": BAD})
    desk.push({"b.py": b"x = 1\n"})
    scan = desk.scan(commit_sha=old)
    assert {path for path, _, _ in desk.errors()} == {"a.py"}
    assert (marked_places(desk), scan.stats.ignored) == ([("b.py", 5), ("b.py", 5)], 1)
    assert desk.github.state.pulls(NAME) == []
