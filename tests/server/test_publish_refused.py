"""Publishing never fails a scan: what GitHub refuses is told, and the rest is there."""

from __future__ import annotations

from typing import Any

import pytest

from kova_fakes.github import Fault
from tests.server.conftest import Kova

BAD = b"def f(x):\n    return x is 'a'\n"
OTHER = b"import re\n\n\ndef g(x):\n    return re.match('\\d', x)\n"
NAME = "octo/sample"
FOR_EVER = 10**9


def only_run(kova: Kova, sha: str) -> dict[str, Any]:
    (run,) = [run for run in kova.github.state.check_runs(NAME) if run["head_sha"] == sha]
    return run


@pytest.mark.parametrize("path", ["/git/trees$", "/git/refs$", "/pulls$"])
def test_a_branch_that_may_not_be_written_is_told_on_the_check_run(kova: Kova, path: str) -> None:
    kova.github.inject(Fault(kind="forbidden", method="POST", path=path, times=FOR_EVER))
    sha = kova.push(NAME, {"a.py": BAD, "b.py": OTHER})
    (scan,) = kova.wait_for_scans(1)
    assert (scan["status"], scan["failure"], scan["attempts"]) == ("succeeded", None, 1)
    assert scan["stats"]["errors"] == 2
    assert len(kova.all("/api/errors", status="open")) == 2
    run = only_run(kova, sha)
    assert run["conclusion"] == "failure"
    assert run["output"]["title"].startswith("2 new errors")
    assert "Resource not accessible by integration" in run["output"]["summary"]
    refusals = scan["coverage"]["publishing"]
    assert "Resource not accessible by integration" in refusals["pull_request"]
    assert {fix["status"] for fix in kova.all("/api/fixes")} == {"verified"}


@pytest.mark.parametrize("kind", ["401", "404", "422", "429", "403"])
@pytest.mark.parametrize("path", ["/git/refs$", "/pulls$"])
def test_a_refusal_that_a_moment_mends_costs_no_pull_request(
    kova: Kova, kind: Any, path: str
) -> None:
    kova.github.inject(Fault(kind=kind, method="POST", path=path, times=2))
    sha = kova.push(NAME, {"a.py": BAD})
    (scan,) = kova.wait_for_scans(1)
    assert (scan["status"], scan["coverage"]["publishing"]) == ("succeeded", {})
    assert "in no pull request" not in only_run(kova, sha)["output"]["summary"]
    assert [pull["state"] for pull in kova.github.state.pulls(NAME)] == ["open"]
    assert {fix["status"] for fix in kova.all("/api/fixes")} == {"published"}


def test_a_refused_branch_that_stays_refused_is_told_after_some_attempts(kova: Kova) -> None:
    kova.github.inject(Fault(kind="422", method="POST", path="/git/refs$", times=FOR_EVER))
    sha = kova.push(NAME, {"a.py": BAD})
    (scan,) = kova.wait_for_scans(1)
    assert (scan["status"], scan["failure"], scan["attempts"]) == ("succeeded", None, 4)
    assert set(scan["coverage"]["publishing"]) == {"pull_request"}
    assert only_run(kova, sha)["conclusion"] == "failure"


@pytest.mark.parametrize(
    ("method", "path"),
    [("PATCH", "/pulls/1$"), ("POST", "/issues/1/comments$"), ("POST", "/graphql$")],
)
def test_a_moments_refusal_costs_no_withdrawal(kova: Kova, method: str, path: str) -> None:
    kova.push(NAME, {"a.py": BAD})
    kova.wait_for_scans(1)
    kova.github.inject(Fault(kind="422", method=method, path=path))
    kova.push(NAME, {"a.py": b"x = 1\n"})
    assert [scan["status"] for scan in kova.wait_for_scans(2)] == ["succeeded"] * 2
    repository = kova.github.state.repository(NAME)
    assert [pull["state"] for pull in kova.github.state.pulls(NAME)] == ["closed"]
    assert len(repository.comments) == 1
    assert "heads/kova/fix-main" not in repository.git.refs
    assert {fix["status"] for fix in kova.all("/api/fixes")} == {"closed"}


@pytest.mark.parametrize("taken", [1, 3])
def test_a_branch_that_holds_commits_of_somebody_else_is_left_and_told(
    kova: Kova, taken: int
) -> None:
    state = kova.github.state
    kova.push(NAME, {"a.py": BAD})
    kova.wait_for_scans(1)
    (pull,) = state.pulls(NAME)
    mended = b"def f(x):\n    return x == 'a'\n"
    # A person commits to the branch; the pull request is merged as one commit, the branch stays.
    branches = [pull["head_ref"], "kova/fix2-main", "kova/fix3-main"][:taken]
    heads = [state.push(NAME, {"a.py": mended}, branch=branch) for branch in branches]
    pull["state"] = "closed"
    sha = kova.push(NAME, {"a.py": mended, "b.py": OTHER})
    scan = kova.wait_for_scans(2)[0]
    assert (scan["commit_sha"], scan["status"]) == (sha, "succeeded")
    assert [state.head(NAME, branch) for branch in branches] == heads
    is_told = "holds commits of somebody else" in only_run(kova, sha)["output"]["summary"]
    offered = [pull["head_ref"] for pull in state.pulls(NAME) if pull["state"] == "open"]
    assert (is_told, offered) == ((False, ["kova/fix2-main"]) if taken == 1 else (True, []))


def test_a_check_run_that_github_never_takes_leaves_the_scan_whole(kova: Kova) -> None:
    kova.github.inject(Fault(kind="422", method="POST", path="/check-runs$", times=FOR_EVER))
    kova.push(NAME, {"a.py": BAD})
    (scan,) = kova.wait_for_scans(1)
    assert (scan["status"], scan["check_run_url"], scan["attempts"]) == ("succeeded", None, 4)
    assert "No commit found for SHA" in scan["coverage"]["publishing"]["check_run"]
    assert len(kova.all("/api/errors", status="open")) == 1


@pytest.mark.parametrize("times", [1, 3])
def test_a_base_branch_that_github_shows_late_costs_no_pull_request(kova: Kova, times: int) -> None:
    kova.push(NAME, {"a.py": b"x = 1\n"})
    kova.wait_for_scans(1)
    kova.github.inject(Fault(kind="stale", path="/git/ref/heads/main$", times=times))
    kova.push(NAME, {"a.py": BAD})
    scans = kova.wait_for_scans(2)
    assert {(scan["status"], str(scan["coverage"]["publishing"])) for scan in scans} == {
        ("succeeded", "{}")
    }
    assert [pull["state"] for pull in kova.github.state.pulls(NAME)] == ["open"]
    assert {fix["status"] for fix in kova.all("/api/fixes")} == {"published"}


def test_a_persons_commit_that_github_shows_late_is_not_overwritten(kova: Kova) -> None:
    state = kova.github.state
    kova.push(NAME, {"a.py": BAD})
    kova.wait_for_scans(1)
    (pull,) = state.pulls(NAME)
    theirs = state.push(NAME, {"c.py": b"x = 1\n"}, branch=pull["head_ref"])
    kova.github.inject(Fault(kind="stale", path=f"/git/ref/heads/{pull['head_ref']}$", times=2))
    kova.push(NAME, {"a.py": BAD, "b.py": OTHER})
    scan = kova.wait_for_scans(2)[0]
    assert scan["status"] == "succeeded"
    assert state.head(NAME, pull["head_ref"]) == theirs
    offered = {pull["head_ref"] for pull in state.pulls(NAME) if pull["state"] == "open"}
    assert offered == {pull["head_ref"], "kova/fix2-main"}
