"""The oracle sees what is wrong: each difference that it knows, planted in a right end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.actual import Actual, GitHubView
from tests.chaos.oracle import Oracle, due_repairs
from tests.chaos.world import FIX_BRANCH, MAIN, Fact, World

NAME = "octo/sample"
NOWHERE, FIRST, SECOND, TOPIC, FIX = "0" * 40, "1" * 40, "2" * 40, "3" * 40, "4" * 40
FILES = {"a.py": "identity:0", "b.py": "undefined:0"}
MENDED = {**FILES, "a.py": "identity:0:mended"}


def fact(kind: str, **values: Any) -> Fact:
    return {"fact": kind, "repository": 1, **values}


def pushed(before: str, after: str, branch: str = MAIN, **values: Any) -> Fact:
    return fact("pushed", branch=branch, before=before, after=after, **values)


CREATED = fact(
    "created", name=NAME, branch=MAIN, before=NOWHERE, after=FIRST, files={"c.py": "clean:0"}
)
OPENED = (
    pushed(NOWHERE, TOPIC, "topic", files=FILES),
    fact("opened", number=1, branch="topic"),
    fact("proposed", number=1, base=FIRST, head=TOPIC),
)
OFFERED = (
    pushed(NOWHERE, FIX, FIX_BRANCH, kova=True, files=MENDED),
    fact("opened", number=2, branch=FIX_BRANCH, kova=True),
    fact("proposed", number=2, base=SECOND, head=FIX),
)
FACTS = [CREATED, *OPENED, pushed(FIRST, SECOND, files=FILES), *OFFERED]


def make_world(*facts: Fact) -> World:
    world = World()
    for step, one_fact in enumerate([*FACTS, *facts], start=1):
        world.apply(step, "push", [one_fact])
    return world


def scan(ref: str, sha: str, status: str = "succeeded") -> dict[str, Any]:
    return {"repository": NAME, "ref": ref, "commit_sha": sha, "status": status, "failure": None}


def check(external_id: str, sha: str, **values: Any) -> dict[str, Any]:
    right = {"status": "completed", "conclusion": "failure"}
    return {"external_id": external_id, "head_sha": sha, **right, **values}


def error(path: str, rule: str) -> dict[str, Any]:
    return {"id": f"{path} {rule}", "repository": NAME, "path": path, "rule_id": rule}


def pull(number: int, branch: str, state: str = "open") -> dict[str, Any]:
    return {"number": number, "state": state, "head_ref": branch, "merged_at": None}


MAIN_REF, PULL_REF = "refs/heads/main", "refs/pull/1/head"
RIGHT_VIEW = GitHubView(
    id=1,
    full_name=NAME,
    check_runs=[
        check("kova/branch", FIRST),
        check("kova/branch", SECOND),
        check("kova/pull/1", TOPIC),
    ],
    pulls=[pull(1, "topic"), pull(2, FIX_BRANCH)],
    comments=[{"issue": "2", "body": "Rebased."}],
    branches={MAIN: SECOND, "topic": TOPIC, FIX_BRANCH: FIX},
    parents={FIX: [SECOND], SECOND: [FIRST], TOPIC: [FIRST]},
    history={FIRST, SECOND},
)
FIX_ROW = {
    "id": "fix-1",
    "error_id": "a.py F632",
    "status": "published",
    "pull_request_url": f"http://github/{NAME}/pull/2",
}
RIGHT = Actual(
    scans=[scan(MAIN_REF, FIRST), scan(MAIN_REF, SECOND), scan(PULL_REF, TOPIC)],
    errors=[error("a.py", "F632"), error("b.py", "F821")],
    fixes=[FIX_ROW],
    repositories=[{"full_name": NAME}],
    github=[RIGHT_VIEW],
    unanswered=[],
    depths={"scan": 0, "scan-dlq": 0},
)


def demands(actual: Actual, world: World | None = None) -> set[str]:
    return {difference.demand for difference in Oracle(world or make_world(), actual).compare()}


def view(**values: Any) -> dict[str, Any]:
    return {"github": [replace(RIGHT_VIEW, **values)]}


def test_the_right_end_has_no_difference() -> None:
    assert Oracle(make_world(), RIGHT).compare() == []


@pytest.mark.parametrize(
    ("demand", "changes"),
    [
        ("processes", {"alive": False}),
        ("queues", {"depths": {"scan-dlq": 1}}),
        ("deliveries", {"unanswered": ["a-guid"]}),
        ("repositories", {"repositories": []}),
        ("repositories", {"repositories": [{"full_name": NAME}, {"full_name": "octo/old"}]}),
        ("errors", {"errors": [error("a.py", "F632")]}),
        ("errors", {"errors": [*RIGHT.errors, error("c.py", "F821")]}),
        ("errors", {"errors": [*RIGHT.errors, error("b.py", "F821")]}),
        ("scans", {"scans": RIGHT.scans[:2]}),
        ("scans", {"scans": [*RIGHT.scans, scan(MAIN_REF, SECOND)]}),
        ("scans", {"scans": [*RIGHT.scans, scan("refs/heads/topic", TOPIC)]}),
        ("scans", {"scans": [*RIGHT.scans[:2], scan(PULL_REF, TOPIC, "skipped")]}),
        ("scans", {"scans": [*RIGHT.scans[:2], scan(PULL_REF, TOPIC, "queued")]}),
        ("scans", {"scans": [scan(MAIN_REF, FIRST, "failed"), *RIGHT.scans[1:]]}),
        ("check runs", view(check_runs=RIGHT_VIEW.check_runs[:2])),
        ("check runs", view(check_runs=[*RIGHT_VIEW.check_runs, check("kova/branch", FIRST)])),
        ("check runs", view(check_runs=[*RIGHT_VIEW.check_runs, check("kova/branch", TOPIC)])),
        (
            "check runs",
            view(
                check_runs=[
                    *RIGHT_VIEW.check_runs[:2],
                    check("kova/pull/1", TOPIC, status="queued"),
                ]
            ),
        ),
        ("check runs", {"scans": [scan(MAIN_REF, FIRST, "skipped"), *RIGHT.scans[1:]]}),
        ("pull requests", view(pulls=[*RIGHT_VIEW.pulls, pull(3, FIX_BRANCH)])),
        ("pull requests", view(pulls=[pull(1, "topic"), pull(2, FIX_BRANCH, "closed")])),
        ("pull requests", view(branches={**RIGHT_VIEW.branches, "kova/fix-other": FIX})),
        ("pull requests", view(parents={FIX: [FIRST]})),
        ("pull requests", view(history={SECOND[:-1] + "0"})),
        ("comments", view(comments=[*RIGHT_VIEW.comments, *RIGHT_VIEW.comments])),
        ("fixes", view(pulls=[pull(1, "topic"), pull(2, FIX_BRANCH, "closed")])),
    ],
)
def test_a_difference_is_seen(demand: str, changes: Mapping[str, Any]) -> None:
    assert demand in demands(replace(RIGHT, **changes))


def test_an_older_push_may_be_skipped_with_a_neutral_check() -> None:
    runs = [check("kova/branch", FIRST, conclusion="neutral"), *RIGHT_VIEW.check_runs[1:]]
    scans = [scan(MAIN_REF, FIRST, "skipped"), *RIGHT.scans[1:]]
    assert demands(replace(RIGHT, scans=scans, **view(check_runs=runs))) == set()


def test_a_push_back_to_a_commit_is_a_push_of_its_own() -> None:
    back = make_world(pushed(SECOND, FIRST, forced=True))
    assert "scans" in demands(RIGHT, back)
    assert "errors" in demands(RIGHT, back)


@pytest.mark.parametrize("again", [True, False])
def test_what_a_person_closed_is_not_offered_again(*, again: bool) -> None:
    change = ["a.py", FILES["a.py"], MENDED["a.py"]]
    facts = [
        fact("declined", changes=[change]),
        fact("closed", number=2),
    ]
    pulls = [pull(1, "topic"), pull(2, FIX_BRANCH, "closed")]
    if again:
        facts += [
            fact("opened", number=3, branch=FIX_BRANCH, kova=True),
            fact("proposed", number=3, base=SECOND, head=FIX),
        ]
        pulls.append(pull(3, FIX_BRANCH))
    closed = {**FIX_ROW, "status": "closed"}
    actual = replace(RIGHT, fixes=[closed], **view(pulls=pulls))
    assert demands(actual, make_world(*facts)) == ({"pull requests"} if again else set())


@pytest.mark.parametrize("was_gone", [True, False])
def test_what_a_person_closed_is_forgotten_with_its_file(*, was_gone: bool) -> None:
    third, fourth = "5" * 40, "6" * 40
    rest = {path: state for path, state in FILES.items() if path != "a.py" or not was_gone}
    world = make_world(
        fact("declined", changes=[["a.py", FILES["a.py"], MENDED["a.py"]]]),
        fact("closed", number=2),
        pushed(SECOND, third, files=rest),
        pushed(third, fourth, files=FILES),
        fact("opened", number=3, branch=FIX_BRANCH, kova=True),
        fact("proposed", number=3, base=fourth, head=FIX),
    )
    (model,) = world.repositories.values()
    due, allowed = due_repairs(model)
    assert bool(model.repeated) is not was_gone
    assert ("a.py" in allowed) is was_gone
    assert "a.py" not in due


@pytest.mark.parametrize("moves", [True, False])
def test_what_a_person_closed_is_forgotten_where_its_error_may_have_moved(*, moves: bool) -> None:
    third, fourth = "5" * 40, "6" * 40
    elsewhere = {"b.py": FILES["a.py"]} if moves else {}
    world = make_world(
        fact("declined", changes=[["a.py", FILES["a.py"], MENDED["a.py"]]]),
        fact("closed", number=2),
        pushed(SECOND, third, files={**FILES, "a.py": "clean:0", **elsewhere}),
        pushed(third, fourth, files=FILES),
        fact("opened", number=3, branch=FIX_BRANCH, kova=True),
        fact("proposed", number=3, base=fourth, head=FIX),
    )
    (model,) = world.repositories.values()
    assert bool(model.repeated) is not moves


def test_a_persons_commits_are_not_overwritten() -> None:
    person = "5" * 40
    facts = [
        pushed(FIX, person, FIX_BRANCH, files=MENDED),
        pushed(person, FIX, FIX_BRANCH, kova=True, overwrites=True, files=MENDED),
    ]
    assert "pull requests" in demands(RIGHT, make_world(*facts))
