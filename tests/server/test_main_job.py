"""The main job through its front door: a signed push becomes proved fixes."""

from __future__ import annotations

import json
import os
import random
import threading
import uuid
from typing import Any
from urllib.parse import urlencode

import pytest

from kova_fakes.github import Fault
from tests.server.conftest import Kova
from tests.support.eventually import eventually
from tests.support.openapi import load_request_check

BAD = b"import re\n\n\ndef f(x):\n    return x is 'a' and re.match('\\d', x)\n"
FIXED = b"import re\n\n\ndef f(x):\n    return x == 'a' and re.match(r'\\d', x)\n"


def test_a_signed_push_becomes_errors_fixes_a_check_run_and_a_pull_request(kova: Kova) -> None:
    sha = kova.push("octo/sample", {"pkg/a.py": BAD, "README.md": b"hello\n"})
    (scan,) = kova.wait_for_scans(1)
    assert (scan["status"], scan["commit_sha"], scan["trigger"]) == ("succeeded", sha, "push")
    assert scan["stats"]["files_analyzed"] == 2  # Secrets are looked for in any text.
    assert scan["stats"]["new_errors"] == scan["stats"]["errors"] == 2
    errors = kova.all("/api/errors", repository="octo/sample", status="open")
    assert {error["rule_id"] for error in errors} == {"F632", "W605"}
    assert {error["introduced_in"] for error in errors} == {sha}
    fixes = kova.all("/api/fixes", repository="octo/sample")
    assert {fix["status"] for fix in fixes} == {"published"}
    assert all(len(fix["verification"]) == 6 for fix in fixes)
    (pull,) = kova.github.state.pulls("octo/sample")
    assert kova.github.state.file("octo/sample", pull["head_ref"], "pkg/a.py") == FIXED
    (run,) = kova.github.state.check_runs("octo/sample")
    assert (run["conclusion"], run["head_sha"]) == ("failure", sha)
    notes = kova.github.state.annotations(run["id"])
    assert {(note["path"], note["start_line"]) for note in notes} == {("pkg/a.py", 5)}
    assert scan["check_run_url"] == run["html_url"]
    openapi = os.environ.get("KOVA_GITHUB_OPENAPI")
    if openapi:
        complaint = load_request_check(openapi)
        requests = [
            request for request in kova.github.state.requests if request.path.startswith("/repos")
        ]
        assert requests
        bodies = [
            json.dumps(request.json).encode() if request.json else b"" for request in requests
        ]
        targets = [f"{request.path}?{urlencode(request.query)}" for request in requests]
        calls = zip(requests, targets, bodies, strict=True)
        assert {complaint(request.method, target, body) for request, target, body in calls} <= {
            None
        }


def test_five_deliveries_of_one_push_are_one_scan_one_check_run_one_pull_request(
    kova: Kova,
) -> None:
    kova.push("octo/sample", {"a.py": BAD})
    guid = str(uuid.uuid4())
    assert [kova.deliver("octo/sample", guid).status_code for _ in range(4)] == [202] * 4
    kova.wait_for_scans(1)
    # The queue is empty when every delivery was handled.
    kova.push("octo/last", {"a.py": b"x = 1\n"})
    kova.wait_for_scans(2)
    assert len(kova.all("/api/scans", repository="octo/sample")) == 1
    assert len(kova.github.state.check_runs("octo/sample")) == 1
    assert len(kova.github.state.pulls("octo/sample")) == 1


def test_a_mended_error_closes_and_comes_back_as_itself(kova: Kova) -> None:
    kova.push("octo/sample", {"a.py": BAD, "b.py": BAD})
    kova.wait_for_scans(1)
    first = {error["id"] for error in kova.all("/api/errors", path="a.py")}
    kova.push("octo/sample", {"a.py": FIXED})
    kova.wait_for_scans(2)
    mended = kova.all("/api/errors", path="a.py")
    assert {(error["id"], error["status"]) for error in mended} == {
        (error_id, "fixed") for error_id in first
    }
    assert {error["status"] for error in kova.all("/api/errors", path="b.py")} == {"open"}
    kova.push("octo/sample", {"a.py": b"# moved\n\n" + BAD}, deletes=["b.py"])
    scans = kova.wait_for_scans(3)
    assert scans[0]["stats"]["fixed_errors"] == 2
    back = kova.all("/api/errors", path="a.py")
    assert {(error["id"], error["status"]) for error in back} == {
        (error_id, "open") for error_id in first
    }
    assert {error["status"] for error in kova.all("/api/errors", path="b.py")} == {"fixed"}


def test_a_pull_request_is_told_only_what_it_introduced(kova: Kova) -> None:
    state = kova.github.state
    state.create_repository("octo/sample", files={"a.py": BAD, "b.py": b"x = 1\n"})
    state.push("octo/sample", {"a.py": b"# note\n" + BAD, "b.py": BAD}, branch="feature")
    number = state.open_pull("octo/sample", head="feature", base="main", title="Feature")
    payload = kova.github.pull_request_event("octo/sample", number)
    url = f"{kova.address}/webhooks/github"
    assert kova.github.deliver(url, "pull_request", payload).status_code == 202
    (scan,) = kova.wait_for_scans(1)
    assert (scan["status"], scan["stats"]["new_errors"]) == ("succeeded", 2)
    (run,) = state.check_runs("octo/sample")
    assert {annotation["path"] for annotation in state.annotations(run["id"])} == {"b.py"}
    assert kova.all("/api/errors") == []
    assert len(state.pulls("octo/sample")) == 1


def test_a_pull_request_of_360_files_is_read_to_its_end(kova: Kova) -> None:
    state = kova.github.state
    state.create_repository("octo/sample", files={"a.py": b"x = 1\n"})
    files = {f"m{number:03}.py": b"x = %d\n" % number for number in range(360)}
    files["m355.py"] = b"print(undefined_name)\n"
    state.push("octo/sample", files, branch="feature")
    number = state.open_pull("octo/sample", head="feature", base="main", title="Feature")
    payload = kova.github.pull_request_event("octo/sample", number)
    url = f"{kova.address}/webhooks/github"
    assert kova.github.deliver(url, "pull_request", payload).status_code == 202
    (scan,) = kova.wait_for_scans(1)
    assert (scan["status"], scan["stats"]["new_errors"]) == ("succeeded", 1)
    (run,) = state.check_runs("octo/sample")
    assert run["conclusion"] == "failure"
    assert [note["path"] for note in state.annotations(run["id"])] == ["m355.py"]


def test_a_merge_queue_gets_the_check_that_it_waits_for(kova: Kova) -> None:
    state = kova.github.state
    state.create_repository("octo/sample", files={"a.py": BAD, "b.py": b"x = 1\n"})
    queue = "gh-readonly-queue/main/pr-1"
    sha = state.push("octo/sample", {"b.py": BAD}, branch=queue)
    payload = kova.github.merge_group_event("octo/sample", queue)
    url = f"{kova.address}/webhooks/github"
    answer = kova.github.deliver(url, "merge_group", payload)
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    (scan,) = kova.wait_for_scans(1)
    assert (scan["status"], scan["stats"]["new_errors"]) == ("succeeded", 2)
    (run,) = state.check_runs("octo/sample")
    assert (run["head_sha"], run["status"], run["conclusion"]) == (sha, "completed", "failure")
    assert {note["path"] for note in state.annotations(run["id"])} == {"b.py"}
    # The errors of the default branch are what they were.
    assert kova.all("/api/errors") == []


def test_a_scan_asked_for_by_hand(kova: Kova) -> None:
    sha = kova.github.state.create_repository("octo/sample", files={"a.py": BAD})
    answer = kova.client.post("/api/scan", json={"repository": "octo/sample"})
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert body["status"] == "queued"
    kova.wait_for_scans(1)
    scan = kova.get(answer.headers["location"])
    assert (scan["id"], scan["commit_sha"], scan["status"]) == (body["scan_id"], sha, "succeeded")
    assert len(kova.github.state.pulls("octo/sample")) == 1
    assert kova.client.post("/api/scan", json={"repository": "octo/none"}).status_code == 404


def test_what_cannot_be_scanned_is_said(kova: Kova) -> None:
    kova.push(
        "octo/sample",
        {"a.py": b"# -*- coding: latin-1 -*-\nx = '\xe9'\n", "big.py": b"x = 1\n" * 200_000},
    )
    (scan,) = kova.wait_for_scans(1)
    assert {(file["path"], file["reason"]) for file in scan["skipped"]} == {
        ("a.py", "not_utf8"),
        ("big.py", "too_large"),
    }
    assert scan["stats"]["files_skipped"] == 2


@pytest.mark.parametrize("kind", ["500", "502", "429", "secondary", "cut", "html"])
def test_a_bad_moment_of_github_is_survived(kova: Kova, kind: str) -> None:
    for method, path in (("GET", "/git/trees/"), ("POST", "/check-runs$"), ("POST", "/pulls$")):
        kova.github.inject(Fault(kind=kind, method=method, path=path, seconds=1))  # type: ignore[arg-type]
    kova.push("octo/sample", {"a.py": BAD})
    (scan,) = kova.wait_for_scans(1)
    assert scan["status"] == "succeeded", scan["failure"]
    assert len(kova.github.state.check_runs("octo/sample")) == 1
    assert len(kova.github.state.pulls("octo/sample")) == 1


@pytest.mark.stress
def test_workers_killed_at_random_lose_nothing_and_do_nothing_twice(kova: Kova) -> None:
    """`make stress` has 200 pushes and 20 kills."""
    pushes, kills = (200, 20) if os.environ.get("STRESS") else (24, 4)
    names = [f"octo/r{number}" for number in range(8)]
    chance = random.Random(7)
    stop = threading.Event()

    def kill() -> None:
        for _ in range(kills):
            if stop.wait(chance.uniform(0.4, 1.4)):
                return
            kova.workers[-1].kill()
            kova.start_worker()

    killer = threading.Thread(target=kill)
    killer.start()
    for number in range(pushes):
        files = {"a.py": BAD, f"n{number}.py": BAD + f"n = {number}\n".encode()}
        kova.push(names[number % len(names)], files)
    try:
        killer.join(timeout=60)
        scans = kova.wait_for_scans(pushes, seconds=400)
    finally:
        stop.set()
        killer.join()
    # What waited behind a newer push of its branch is skipped.
    assert {scan["status"] for scan in scans} <= {"succeeded", "skipped"}
    assert len(scans) == pushes
    state = kova.github.state
    # A worker may have died between a scan's row and the check run that says it was skipped.
    eventually(
        lambda: all(len(state.check_runs(name)) >= pushes // len(names) for name in names), 60
    )
    for name in names:
        head = kova.github.state.head(name, "main")
        assert [scan["status"] for scan in scans if scan["commit_sha"] == head] == ["succeeded"]
        runs = kova.github.state.check_runs(name)
        assert len(runs) == len({run["head_sha"] for run in runs}) == pushes // len(names)
        assert len(kova.github.state.pulls(name)) == 1
        places_of_runs = [_annotation_places(kova, run) for run in runs]
        assert all(len(places) == len(set(places)) for places in places_of_runs)
        # What a commit brought is told by the scan that saw it first: its own, or a later one's.
        assert len(set().union(*places_of_runs)) == 2 * (1 + pushes // len(names))


def _annotation_places(kova: Kova, run: dict[str, Any]) -> list[tuple[str, int, str]]:
    notes = kova.github.state.annotations(run["id"])
    return [(note["path"], note["start_line"], note["title"]) for note in notes]


def test_a_worker_asked_to_stop_finishes_what_it_has_in_hand(kova: Kova) -> None:
    kova.github.inject(Fault(kind="slow", method="POST", path="/check-runs$", seconds=1.0))
    kova.push("octo/sample", {"a.py": BAD})
    eventually(lambda: kova.all("/api/errors"), 20)
    kova.workers[-1].terminate()
    assert kova.workers[-1].wait(timeout=20) == 0
    (scan,) = kova.wait_for_scans(1, seconds=1)
    assert scan["status"] == "succeeded"
