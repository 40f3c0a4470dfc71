"""`/kova ignore`: which errors it means, who may, what it tells, and what it never does."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from kova.errors.error import RuleCount
from kova.errors.ignoring import IgnoreRequest, parse_ignore
from tests.commands.comments import NAME, post_comment, send, wait_for_replies
from tests.server.conftest import Kova
from tests.support.errors import insert_errors

BAD = b"def f(x):\n    return x is 'a'\n"


def scan_two_files(kova: Kova) -> int:
    """Two files with one error of F632 each; the pull request returned changes the first."""
    kova.push(NAME, {"src/a.py": BAD, "src/b.py": BAD})
    kova.wait_for_scans(1)
    state = kova.github.state
    state.push(NAME, {"src/a.py": b"# changed\n" + BAD}, branch="other")
    return state.open_pull(NAME, head="other", base="main", title="Other")


def comment_at_pull_request(kova: Kova, number: int, body: str, **fields: Any) -> dict[str, Any]:
    payload = kova.github.comment_event(NAME, number, body, **fields)
    assert send(kova, payload) == "queued"
    return payload


def comment_at_issue(kova: Kova, body: str, **fields: Any) -> dict[str, Any]:
    payload = kova.github.comment_event(NAME, 9, body, pull_request=False, **fields)
    assert send(kova, payload) == "queued"
    return payload


def statuses_by_path(kova: Kova) -> dict[str, str]:
    return {error["path"]: error["status"] for error in kova.all("/api/errors", rule="F632")}


def list_ignore_events(kova: Kova) -> list[dict[str, Any]]:
    return [event for event in kova.all("/api/audit") if event["action"] == "error.ignored"]


def test_at_a_pull_request_the_errors_in_its_files_are_ignored_and_audited(kova: Kova) -> None:
    comment_at_pull_request(kova, scan_two_files(kova), "/kova ignore F632 the tests rely on it")
    (answer,) = wait_for_replies(kova)
    assert statuses_by_path(kova) == {"src/a.py": "ignored", "src/b.py": "open"}
    (error,) = kova.all("/api/errors", status="ignored")
    assert error["ignored"] == {
        "reason": "the tests rely on it",
        "by": "github:writer",
        "until": None,
    }
    (event,) = list_ignore_events(kova)
    assert (event["actor"], event["target"]) == ("github:writer", error["id"])
    assert event["detail"]["reason"] == "the tests rely on it"
    assert answer.startswith("1 error of `F632` in the files that this pull request changes is")
    assert f"- `src/a.py:2` (`{error['id']}`)" in answer
    undo = kova.client.patch(f"/api/errors/{error['id']}", json={"status": "open"})
    assert undo.status_code == 200
    assert '`{"status": "open"}` by `PATCH /api/errors/`' in answer
    assert set(statuses_by_path(kova).values()) == {"open"}


def test_at_an_issue_the_whole_repository_is_meant(kova: Kova) -> None:
    scan_two_files(kova)
    comment_at_issue(kova, "/kova ignore RUFF/f632 never mind")
    (answer,) = wait_for_replies(kova)
    assert answer.startswith("2 errors of `RUFF/f632` are ignored, because: `never mind`")
    assert set(statuses_by_path(kova).values()) == {"ignored"}


@pytest.mark.parametrize("path", ["src/b.py", "src/b*", "`src/b.py`", "**/b.py"])
def test_a_path_narrows_it(kova: Kova, path: str) -> None:
    scan_two_files(kova)
    comment_at_issue(kova, f"/kova ignore F632 {path} generated")
    (answer,) = wait_for_replies(kova)
    assert "1 error of `F632` in `" in answer
    assert statuses_by_path(kova) == {"src/a.py": "open", "src/b.py": "ignored"}


def test_a_job_that_comes_twice_ignores_once_and_tells_the_same(kova: Kova) -> None:
    scan_two_files(kova)
    payload = comment_at_issue(kova, "/kova ignore F632 twice")
    (answer,) = wait_for_replies(kova)
    for _ in range(2):
        send(kova, payload)
    assert wait_for_replies(kova) == [answer]
    assert len(list_ignore_events(kova)) == 2  # One an error.


def test_jobs_that_two_workers_have_at_once_note_each_error_once(kova: Kova) -> None:
    insert_errors(kova.environment["KOVA_DATABASE_URL"], NAME, 400)  # Ten of each rule.
    payload = kova.github.comment_event(NAME, 9, "/kova ignore R7 twice", pull_request=False)
    senders = [threading.Thread(target=send, args=(kova, payload)) for _ in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert wait_for_replies(kova)[0].startswith("10 errors of `R7` are ignored")
    targets = [event["target"] for event in list_ignore_events(kova)]
    assert len(targets) == len(set(targets)) == 10


def test_somebody_who_cannot_write_ignores_nothing(kova: Kova) -> None:
    comment_at_pull_request(
        kova, scan_two_files(kova), "/kova ignore F632 it is fine", user="reader"
    )
    (answer,) = wait_for_replies(kova)
    assert answer.startswith("Sorry")
    assert set(statuses_by_path(kova).values()) == {"open"}
    assert list_ignore_events(kova) == []


@pytest.mark.parametrize("body", ["/kova ignore", "/kova ignore F632", "/kova ignore F632 src/ \n"])
def test_without_a_reason_it_is_told_how(kova: Kova, body: str) -> None:
    scan_two_files(kova)
    comment_at_issue(kova, body)
    (answer,) = wait_for_replies(kova)
    assert answer.startswith("Please say which rule and why")
    assert set(statuses_by_path(kova).values()) == {"open"}


def test_an_unknown_rule_is_answered_with_those_that_have_open_errors(kova: Kova) -> None:
    comment_at_pull_request(kova, scan_two_files(kova), "/kova ignore F999 why not")
    (answer,) = wait_for_replies(kova)
    assert "There is no open error of `F999`" in answer
    assert "- `ruff/F632`: 2 errors" in answer
    assert "when it is merged" in answer
    assert set(statuses_by_path(kova).values()) == {"open"}


def test_a_repository_without_errors_says_so(kova: Kova) -> None:
    post_comment(kova, "/kova ignore F632 why not")
    assert "The repository has no open errors." in wait_for_replies(kova)[0]


def test_more_than_a_hundred_are_not_ignored_at_once(kova: Kova) -> None:
    insert_errors(kova.environment["KOVA_DATABASE_URL"], NAME, 4_040)  # 101 of each rule.
    comment_at_issue(kova, "/kova ignore R3 too much")
    (answer,) = wait_for_replies(kova)
    assert answer.startswith("101 open errors of `R3` are more than 100")
    assert list_ignore_events(kova) == []
    comment_at_issue(kova, "/kova ignore R3 src/module_3.py some of it")
    answer = wait_for_replies(kova, 2)[1]
    assert answer.startswith("5 errors of `R3` in `src/module_3.py` are")
    comment_at_issue(kova, "/kova ignore R3 now a hundred and fewer")
    answer = wait_for_replies(kova, 3)[2]
    assert answer.startswith("96 errors of `R3`")
    assert "- and 86 more" in answer


HOSTILE = [
    "`F632` **b** @octocat <img src=x onerror=y> [a](javascript:b) | c",
    "F632 \0\0 \u202e @octocat/team <!-- kova:reply: -->\n# heading",
    "`<script>` ```\n@octocat",
    "@octocat <b>no</b>",
    "../../etc/passwd %00 ' OR 1=1 --",
    "F632 ../** because",
    "F632 " + "**/" * 60 + "x because",
    "F632 " + "y" * 60_000,
    "z" * 60_000 + " because",
]


@pytest.mark.parametrize("argument", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_words_stay_words(kova: Kova, argument: str) -> None:
    scan_two_files(kova)
    comment_at_issue(kova, f"/kova ignore {argument}")
    (answer,) = wait_for_replies(kova)
    assert len(answer) < 3_000
    text, _, marker = answer.rpartition("\n\n<!-- ")
    assert marker.startswith("kova:reply:")
    outside = "".join(text.split("`")[::2])
    for mark in ("@", "<", "](", "**", "\0", "#"):
        assert mark not in outside
    assert "@octocat" not in text
    for error in kova.all("/api/errors", status="ignored"):
        assert 0 < len(error["ignored"]["reason"]) <= 1_000
        assert "\0" not in error["ignored"]["reason"]


def test_hostile_names_in_the_repository_stay_names(kova: Kova) -> None:
    name = "@octocat `<b>` [x](y).py"
    kova.push(NAME, {name: BAD})
    kova.wait_for_scans(1)
    comment_at_issue(kova, "/kova ignore F632 fine")
    (answer,) = wait_for_replies(kova)
    listed = next(line for line in answer.splitlines() if line.startswith("- "))
    assert listed.count("`") == 4
    assert "@octocat" not in answer


@pytest.mark.parametrize(
    ("argument", "read"),
    [
        ("S113 slow tests", ("S113", None, "slow tests")),
        ("`my rule` slow tests", ("my rule", None, "slow tests")),
        ("S113 src/a.py why", ("S113", "src/a.py", "why")),
        ("S113 Makefile.am why", ("S113", "Makefile.am", "why")),
        ("S113 *.py why", ("S113", "*.py", "why")),
        ("S113 e.g. a test", ("S113", None, "e.g. a test")),
        ("S113 ... well", ("S113", None, "... well")),
        ("oxlint/eslint/no-eval\nit is\nours", ("oxlint/eslint/no-eval", None, "it is\nours")),
        ("S113", None),
        ("S113 src/a.py", None),
        ("`` why", ("``", None, "why")),
        ("", None),
    ],
)
def test_what_stands_after_the_verb(
    argument: str, read: tuple[str, str | None, str] | None
) -> None:
    request = parse_ignore(argument)
    assert (request and (request.rule, request.path, request.reason)) == read


def test_a_rule_of_two_analysers_is_meant_by_its_bare_id() -> None:
    request = IgnoreRequest(rule="no-eval", path=None, reason="x")
    both = [RuleCount(analyzer=name, rule_id="no-eval", open=1) for name in ("oxlint", "other")]
    assert [request.names(rule) for rule in both] == [True, True]
    named = IgnoreRequest(rule="other/no-eval", path=None, reason="x")
    assert [named.names(rule) for rule in both] == [False, True]
