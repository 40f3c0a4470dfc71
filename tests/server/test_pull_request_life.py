"""A pull request with fixes has a life: closed, merged, or no longer needed."""

from __future__ import annotations

from typing import Any

import pytest

from kova_fakes.github import Fault
from kova_fakes.github.people import force_push
from tests.server.conftest import Kova
from tests.server.test_events import follow, send
from tests.support.eventually import eventually

BAD = b"def f(x):\n    return x is 'a'\n"
MENDED = b"def f(x):\n    return x == 'a'\n"
BRANCH = "kova/fix-main"


def pulls(kova: Kova) -> list[dict[str, Any]]:
    return kova.github.state.pulls("octo/sample")


def offer(kova: Kova) -> None:
    """Push an error, and see its fix offered."""
    kova.push("octo/sample", {"a.py": BAD})
    kova.wait_for_scans(1)
    (pull,) = pulls(kova)
    assert (pull["state"], pull["head_ref"]) == ("open", BRANCH)


def statuses(kova: Kova) -> set[str]:
    return {fix["status"] for fix in kova.all("/api/fixes")}


def test_what_a_person_closed_is_not_opened_again(kova: Kova) -> None:
    offer(kova)
    pulls(kova)[0]["state"] = "closed"
    kova.push("octo/sample", {"note.md": b"A later push.\n"})
    kova.wait_for_scans(2)
    assert len(pulls(kova)) == 1
    assert statuses(kova) == {"closed"}


def test_what_was_merged_is_merged_and_its_branch_is_gone(kova: Kova) -> None:
    offer(kova)
    pulls(kova)[0].update(state="closed", merged_at="2026-11-29T12:00:00Z")
    kova.push("octo/sample", {"a.py": MENDED})
    kova.wait_for_scans(2)
    assert statuses(kova) == {"merged"}
    assert f"heads/{BRANCH}" not in kova.github.state.repository("octo/sample").git.refs


@pytest.mark.parametrize("deletes", [[], ["a.py"]])
def test_what_was_mended_by_hand_or_deleted_is_closed_with_a_comment(
    kova: Kova, deletes: list[str]
) -> None:
    offer(kova)
    kova.push("octo/sample", {"b.py": b"x = 1\n"} if deletes else {"a.py": MENDED}, deletes=deletes)
    kova.wait_for_scans(2)
    assert statuses(kova) == {"closed"}
    (pull,) = pulls(kova)
    assert pull["state"] == "closed"
    repository = kova.github.state.repository("octo/sample")
    (comment,) = repository.comments
    assert "nothing left to merge" in comment["body"]
    assert f"heads/{BRANCH}" not in repository.git.refs


def event(kova: Kova, action: str, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    return kova.github.pull_changed_event("octo/sample", 1, action, changes)


@pytest.mark.parametrize("is_followed", [True, False])
def test_a_pull_request_stays_the_same_where_its_repository_gets_another_name(
    kova: Kova, *, is_followed: bool
) -> None:
    offer(kova)
    kova.github.state.transfer("octo/sample", "octo/renamed")
    if is_followed:
        event = kova.github.repository_event("octo/renamed", "renamed")
        follow(kova, "repository", event)
    # The error that it mends goes, another one comes: it offers that from now on.
    kova.push("octo/renamed", {"a.py": MENDED, "b.py": b"import re\n\nP = re.compile('\\d')\n"})
    kova.wait_for_scans(2)
    (pull,) = kova.github.state.pulls("octo/renamed")
    assert pull["state"] == "open"
    rows = {fix["rule_id"]: fix["status"] for fix in kova.all("/api/fixes")}
    assert rows == {"F632": "closed", "W605": "published"}
    kova.push("octo/renamed", {"b.py": b"x = 1\n"})
    kova.wait_for_scans(3)
    (pull,) = kova.github.state.pulls("octo/renamed")
    assert pull["state"] == "closed"
    assert statuses(kova) == {"closed"}


def test_the_state_follows_at_once_and_back_when_it_is_opened_again(kova: Kova) -> None:
    offer(kova)
    closed = event(kova, "closed")
    pulls(kova)[0]["state"] = "closed"
    follow(kova, "pull_request", event(kova, "closed"))
    assert statuses(kova) == {"closed"}
    pulls(kova)[0]["state"] = "open"
    follow(kova, "pull_request", event(kova, "reopened"))
    assert statuses(kova) == {"published"}
    follow(kova, "pull_request", closed)  # A late one: it is open by now.
    assert statuses(kova) == {"published"}


def test_a_close_between_the_look_and_the_offer_is_a_decision(kova: Kova) -> None:
    offer(kova)
    requests = kova.github.state.requests
    seen = len(requests)
    kova.github.inject(Fault(kind="slow", path="/octo/sample/pulls$", seconds=3))
    kova.push("octo/sample", {"b.py": OTHER})
    eventually(
        lambda: any(request.path.endswith("/pulls/1") for request in list(requests)[seen:]), 30
    )
    pulls(kova)[0]["state"] = "closed"
    kova.wait_for_scans(2)
    offered = {fix["path"]: fix["status"] for fix in kova.all("/api/fixes")}
    assert offered == {"a.py": "closed", "b.py": "published"}
    assert [pull["state"] for pull in pulls(kova)] == ["closed", "open"]
    assert kova.github.state.file("octo/sample", BRANCH, "a.py") == BAD


def test_a_close_before_the_pull_request_is_recorded_is_a_decision(kova: Kova) -> None:
    kova.github.inject(Fault(kind="late", method="POST", path="/pulls$", seconds=4))
    kova.push("octo/sample", {"a.py": BAD})
    eventually(lambda: pulls(kova), 30)
    pulls(kova)[0]["state"] = "closed"
    follow(kova, "pull_request", event(kova, "closed"))
    kova.wait_for_scans(1)
    assert statuses(kova) == {"closed"}
    kova.push("octo/sample", {"note.md": b"A later push.\n"})
    kova.wait_for_scans(2)
    assert len(pulls(kova)) == 1


def test_what_was_merged_is_offered_again_where_the_branch_is_set_back(kova: Kova) -> None:
    offer(kova)
    before = kova.github.state.head("octo/sample", "main")
    kova.github.state.merge("octo/sample", 1)
    follow(kova, "pull_request", event(kova, "closed"))
    kova.push("octo/sample", {"note.md": b"Merged.\n"})
    kova.wait_for_scans(2)
    force_push(kova.github.state.repository("octo/sample"), "main", before)
    kova.deliver("octo/sample")
    eventually(lambda: len(pulls(kova)) == 2, 60, otherwise=lambda: kova.all("/api/scans"))
    eventually(lambda: statuses(kova) == {"published"}, 60)


def test_a_merge_is_followed_at_once_and_its_branch_is_gone(kova: Kova) -> None:
    offer(kova)
    kova.github.state.merge("octo/sample", 1)
    follow(kova, "pull_request", event(kova, "closed"))
    assert statuses(kova) == {"merged"}
    assert f"heads/{BRANCH}" not in kova.github.state.repository("octo/sample").git.refs


def test_a_merge_after_a_close_whose_reopening_was_lost_is_a_merge(kova: Kova) -> None:
    offer(kova)
    pulls(kova)[0]["state"] = "closed"
    follow(kova, "pull_request", event(kova, "closed"))
    kova.github.state.merge("octo/sample", 1)
    follow(kova, "pull_request", event(kova, "closed"))
    assert statuses(kova) == {"merged"}


def test_a_pull_request_of_people_is_not_followed(kova: Kova) -> None:
    kova.push("octo/sample", {"a.py": MENDED})
    kova.github.state.push("octo/sample", {"b.py": BAD}, branch="feature")
    kova.github.state.open_pull("octo/sample", head="feature", base="main", title="A feature")
    assert send(kova, "pull_request", event(kova, "closed")) == "ignored"


def test_a_pull_request_with_another_base_is_compared_with_that(kova: Kova) -> None:
    kova.push("octo/sample", {"a.py": MENDED})
    state = kova.github.state
    state.push("octo/sample", {"b.py": BAD}, branch="release")
    state.repository("octo/sample").git.refs["heads/feature"] = state.push(
        "octo/sample", {"c.py": BAD}, branch="release-next"
    )
    state.push("octo/sample", {"b.py": BAD}, branch="feature")
    state.open_pull("octo/sample", head="feature", base="main", title="A feature")
    send(kova, "pull_request", event(kova, "opened"))
    kova.wait_for_scans(2)
    pulls(kova)[0]["base_ref"] = "release"
    assert send(kova, "pull_request", event(kova, "edited", {"title": {"from": "A"}})) == "ignored"
    changes = {"base": {"ref": {"from": "main"}, "sha": {"from": "0" * 40}}}
    assert send(kova, "pull_request", event(kova, "edited", changes)) == "queued"
    assert len(kova.wait_for_scans(3)) == 3


def test_the_push_of_a_fix_branch_is_not_scanned_into_another(kova: Kova) -> None:
    offer(kova)
    payload = kova.github.push_event("octo/sample") | {"ref": f"refs/heads/{BRANCH}"}
    assert send(kova, "push", payload) == "ignored"
    assert send(kova, "pull_request", event(kova, "opened")) == "queued"
    kova.wait_for_scans(2)
    assert len(pulls(kova)) == 1


OTHER = b"import re\n\n\ndef g(x):\n    return re.match('\\d', x)\n"


def test_other_fixes_go_to_another_branch_where_a_person_works_on_the_first(kova: Kova) -> None:
    offer(kova)
    state = kova.github.state
    mine = state.push("octo/sample", {"a.py": MENDED + b"# mine\n"}, branch=BRANCH)
    for number in range(2):
        kova.push("octo/sample", {"b.py": OTHER, "note.md": bytes([65 + number])})
        kova.wait_for_scans(2 + number)
        assert state.head("octo/sample", BRANCH) == mine
        assert [pull["head_ref"] for pull in pulls(kova)] == [BRANCH, "kova/fix2-main"]
    assert state.file("octo/sample", "kova/fix2-main", "a.py") == BAD
    assert statuses(kova) == {"published"}
    fixes = kova.all("/api/fixes")
    assert len({fix["pull_request_url"] for fix in fixes}) == 2


def test_where_a_person_has_all_of_it_nothing_more_is_offered(kova: Kova) -> None:
    offer(kova)
    kova.github.state.push("octo/sample", {"a.py": MENDED + b"# mine\n"}, branch=BRANCH)
    sha = kova.push("octo/sample", {"note.md": b"A later push.\n"})
    kova.wait_for_scans(2)
    assert len(pulls(kova)) == 1
    (run,) = [run for run in kova.github.state.check_runs("octo/sample") if run["head_sha"] == sha]
    assert "in no pull request" not in run["output"]["summary"]


def test_the_fixes_of_two_default_branches_do_not_fight(kova: Kova) -> None:
    offer(kova)
    state = kova.github.state
    state.push("octo/sample", {"a.py": BAD, "b.py": OTHER}, branch="next")
    state.repository("octo/sample").default_branch = "next"
    changes = {"default_branch": {"from": "main"}}
    payload = kova.github.repository_event("octo/sample", "edited", changes)
    follow(kova, "repository", payload)
    kova.wait_for_scans(2)
    former, current = pulls(kova)
    assert (former["state"], former["head_ref"]) == ("closed", BRANCH)
    assert (current["state"], current["head_ref"]) == ("open", "kova/fix-next")
    assert current["base_ref"] == "next"
    (comment,) = state.repository("octo/sample").comments
    assert "`next`" in comment["body"]
    assert {fix["pull_request_url"][-2:] for fix in kova.all("/api/fixes")} == {"/2"}


def test_fixes_follow_a_base_that_moved(kova: Kova) -> None:
    offer(kova)
    moved = b"# A line before it.\n" + BAD
    sha = kova.push("octo/sample", {"a.py": moved})
    kova.wait_for_scans(2)
    (pull,) = pulls(kova)
    repository = kova.github.state.repository("octo/sample")
    head = repository.git.commits[kova.github.state.head("octo/sample", pull["head_ref"])]
    assert list(head.parents) == [sha]
    fixed = kova.github.state.file("octo/sample", BRANCH, "a.py")
    assert fixed == b"# A line before it.\n" + MENDED


def test_a_base_that_moved_elsewhere_moves_no_branch(kova: Kova) -> None:
    offer(kova)
    head = kova.github.state.head("octo/sample", BRANCH)
    kova.push("octo/sample", {"note.md": b"Another file.\n"})
    kova.wait_for_scans(2)
    assert kova.github.state.head("octo/sample", BRANCH) == head
    assert statuses(kova) == {"published"}
    kova.push("octo/sample", {"b.py": OTHER})
    kova.wait_for_scans(3)
    assert kova.github.state.head("octo/sample", BRANCH) != head
    assert len(pulls(kova)) == 1


def test_a_late_event_of_a_merged_pull_request_leaves_the_branch_of_the_next_one(
    kova: Kova,
) -> None:
    offer(kova)
    kova.github.state.merge("octo/sample", 1)
    late = event(kova, "closed")
    assert kova.deliver("octo/sample").status_code == 202
    kova.wait_for_scans(2)
    kova.push("octo/sample", {"b.py": OTHER})
    kova.wait_for_scans(3)
    assert [pull["state"] for pull in pulls(kova)] == ["closed", "open"]
    follow(kova, "pull_request", late)
    assert [pull["state"] for pull in pulls(kova)] == ["closed", "open"]
    assert f"heads/{BRANCH}" in kova.github.state.repository("octo/sample").git.refs


@pytest.mark.parametrize("kind", ["422", "404"])
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/issues/1/comments$"), ("POST", "/graphql$")],
)
def test_an_interrupted_withdrawal_is_no_decision_of_people(
    kova: Kova, kind: Any, method: str, path: str
) -> None:
    offer(kova)
    kova.github.inject(Fault(kind=kind, method=method, path=path))
    kova.push("octo/sample", {"a.py": MENDED})
    kova.wait_for_scans(2)
    follow(kova, "pull_request", event(kova, "closed"))
    kova.push("octo/sample", {"a.py": BAD, "note.md": b"It is back.\n"})
    kova.wait_for_scans(3)
    assert [pull["state"] for pull in pulls(kova)] == ["closed", "open"]
    assert statuses(kova) == {"published"}
    assert len(kova.github.state.repository("octo/sample").comments) == 1


def test_what_kova_withdrew_may_be_closed_by_people_when_they_opened_it_again(kova: Kova) -> None:
    offer(kova)
    kova.push("octo/sample", {"a.py": MENDED})
    kova.wait_for_scans(2)
    kova.push("octo/sample", {"a.py": BAD, "note.md": b"It is back.\n"})
    kova.wait_for_scans(3)
    pulls(kova)[1]["state"] = "closed"
    kova.push("octo/sample", {"note.md": b"A later push.\n"})
    kova.wait_for_scans(4)
    assert [pull["state"] for pull in pulls(kova)] == ["closed", "closed"]
    assert statuses(kova) == {"closed"}


@pytest.mark.parametrize("is_closed", [True, False])
def test_what_was_merged_and_came_back_has_a_life_of_its_own(
    kova: Kova, *, is_closed: bool
) -> None:
    offer(kova)
    kova.github.state.merge("octo/sample", 1)
    follow(kova, "pull_request", event(kova, "closed"))
    kova.push("octo/sample", {"note.md": b"Merged.\n"})
    kova.wait_for_scans(2)
    kova.push("octo/sample", {"a.py": BAD})
    kova.wait_for_scans(3)
    assert [pull["state"] for pull in pulls(kova)] == ["closed", "open"]
    assert statuses(kova) == {"published"}
    if is_closed:
        pulls(kova)[1]["state"] = "closed"
    kova.push("octo/sample", {"note.md": b"Later.\n"} if is_closed else {"a.py": MENDED})
    kova.wait_for_scans(4)
    assert [pull["state"] for pull in pulls(kova)] == ["closed", "closed"]
    assert statuses(kova) == {"closed"}
    assert len(kova.github.state.repository("octo/sample").comments) == (not is_closed)
