"""What a moment can mend is tried again by itself, and nothing that failed stays so for ever."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from kova_fakes.github import Fault
from tests.server.conftest import Kova
from tests.support.eventually import eventually
from tests.support.queues import depth

BAD = b"def f(x):\n    return x is 'a'\n"
NAME = "octo/sample"
FOR_EVER = 10**9


def change_rows(kova: Kova, statement: str) -> None:
    """Change the database behind Kova's back."""
    with psycopg.connect(kova.environment["KOVA_DATABASE_URL"]) as connection:
        connection.execute(statement)  # type: ignore[call-overload]


def scan_with(kova: Kova, **expected: Any) -> dict[str, Any]:
    """Return the scan as soon as it is as expected."""

    def look() -> dict[str, Any] | None:
        scans = kova.all("/api/scans")
        matching = [
            scan for scan in scans if all(scan[key] == value for key, value in expected.items())
        ]
        return matching[0] if matching else None

    return eventually(look, 40, pause=0.05, otherwise=lambda: kova.all("/api/scans"))


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="404", path="/git/trees/", times=2),
        Fault(kind="422", path="/commits/heads/main$", times=2),
        Fault(kind="401", path="/git/trees/", times=4),
        Fault(kind="suspended", path="/git/trees/", times=1),
        Fault(kind="secondary", path="/git/trees/", times=1, seconds=11),
        Fault(kind="500", path="/git/trees/", times=6),
        Fault(kind="422", method="POST", path="/check-runs$", times=2),
    ],
    ids=lambda fault: f"{fault.kind} {fault.path}",
)
def test_a_refusal_that_a_moment_mends_costs_no_scan(kova: Kova, fault: Fault) -> None:
    kova.github.inject(fault)
    kova.push(NAME, {"a.py": BAD})
    (scan,) = kova.wait_for_scans(1)
    assert (scan["status"], scan["failure"], scan["retry_at"]) == ("succeeded", None, None)
    assert scan["attempts"] > 1
    assert len(kova.all("/api/errors", repository=NAME)) == 1
    (run,) = kova.github.state.check_runs(NAME)
    assert run["conclusion"] == "failure"
    assert len(kova.github.state.pulls(NAME)) == 1


def test_a_scan_that_waits_says_for_what_and_until_when(kova: Kova) -> None:
    kova.github.inject(Fault(kind="forbidden", path="/git/trees/", times=FOR_EVER))
    kova.push(NAME, {"a.py": BAD})
    scan = eventually(
        lambda: next((scan for scan in kova.all("/api/scans") if scan["retry_at"]), None), 30
    )
    assert (scan["status"], scan["failure"]) == ("queued", None)
    assert scan["retry_reason"].startswith("github_refused: GitHub refuses the request: Resource")
    assert scan["retry_at"] > scan["started_at"]
    kova.github.clear_faults()
    scan_with(kova, status="succeeded", retry_at=None, retry_reason=None)


def fail_scan(kova: Kova) -> tuple[str, dict[str, Any]]:
    """Push what GitHub refuses for longer than anybody tries; return the commit and the scan."""
    kova.github.inject(Fault(kind="forbidden", path="/git/trees/", times=FOR_EVER))
    sha = kova.push(NAME, {"a.py": BAD})
    eventually(lambda: any(scan["retry_at"] for scan in kova.all("/api/scans")), 30)
    change_rows(kova, "UPDATE scans SET failing_since = failing_since - interval '1 day'")
    scan = scan_with(kova, status="failed")
    kova.github.clear_faults()
    return sha, scan


def test_a_refusal_that_stays_ends_as_failed_and_is_on_the_commit(kova: Kova) -> None:
    sha, scan = fail_scan(kova)
    assert scan["failure"].startswith("github_refused: GitHub refuses the request: Resource not")
    assert "tried" in scan["failure"]
    assert "Is the App suspended, or does it lack a permission?" in scan["failure"]
    (run,) = kova.github.state.check_runs(NAME)
    assert (run["head_sha"], run["status"], run["conclusion"]) == (sha, "completed", "failure")
    assert run["output"]["title"] == "Kova could not scan this commit"
    assert "Resource not accessible by integration" in run["output"]["summary"]
    eventually(lambda: not depth(kova.environment["KOVA_SCAN_QUEUE_URL"]), 20)


@pytest.mark.parametrize("guid", [None, "0b989ba4-242f-11e5-81e1-c7b6966d2516"])
def test_a_redelivery_of_a_failed_scan_is_scanned(kova: Kova, guid: str | None) -> None:
    sha, failed = fail_scan(kova)
    assert kova.deliver(NAME, guid).status_code == 202
    scan = scan_with(kova, status="succeeded")
    assert (scan["id"], scan["commit_sha"], scan["failure"]) == (failed["id"], sha, None)
    (run,) = kova.github.state.check_runs(NAME)
    assert run["output"]["title"].startswith("1 new error")
    assert len(kova.all("/api/scans")) == 1


def test_another_scan_of_a_failed_commit_is_asked_for_by_hand(kova: Kova) -> None:
    sha, _ = fail_scan(kova)
    answer = kova.client.post("/api/scan", json={"repository": NAME, "ref": sha})
    assert answer.status_code == 202, answer.text
    scan = scan_with(kova, status="succeeded")
    assert (scan["id"], scan["commit_sha"]) == (answer.json()["scan_id"], sha)


def test_a_pull_request_of_a_commit_that_is_being_scanned_waits_for_it(kova: Kova) -> None:
    state = kova.github.state
    state.create_repository(NAME, files={"a.py": BAD})
    state.push(NAME, {"c.py": b"x = 1\n"}, branch="other")
    state.push(NAME, {"b.py": BAD})
    kova.github.inject(Fault(kind="slow", path="/git/trees/", times=2, seconds=8))
    assert kova.deliver(NAME).status_code == 202
    scan_with(kova, status="running")
    number = state.open_pull(NAME, head="main", base="other", title="Same commit")
    payload = kova.github.pull_request_event(NAME, number)
    url = f"{kova.address}/webhooks/github"
    assert kova.github.deliver(url, "pull_request", payload).status_code == 202
    scans = kova.wait_for_scans(2)
    assert {scan["status"] for scan in scans} == {"succeeded"}
    assert {scan["trigger"] for scan in scans} == {"push", "pull_request"}
    assert len({scan["commit_sha"] for scan in scans}) == 1


@pytest.mark.parametrize("suite", [False, True])
def test_a_rerun_on_github_scans_a_failed_commit_and_one_that_succeeded(
    kova: Kova, *, suite: bool
) -> None:
    fail_scan(kova)
    (run,) = kova.github.state.check_runs(NAME)
    event, url = "check_suite" if suite else "check_run", f"{kova.address}/webhooks/github"
    for _ in range(2):
        payload = kova.github.rerequest_event(NAME, run["id"], suite=suite)
        run["output"]["title"] = None
        answer = kova.github.deliver(url, event, payload)
        assert answer.json()["status"] == "queued", answer.text
        eventually(lambda: run["output"]["title"] == "1 new error: 1 high", 30)
    scan_with(kova, status="succeeded")
    assert len(kova.all("/api/scans")) == 1
