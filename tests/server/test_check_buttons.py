"""The buttons of a check run: for writers, once, and only where they would do something."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.server.conftest import Kova
from tests.server.test_events import NAME, follow, send
from tests.support.eventually import eventually

BAD = b"def f(x):\n    return x is 'a'\n"
OTHER = b"import re\n\n\ndef g(x):\n    return re.match('\\d', x)\n"


def run_of(kova: Kova, sha: str) -> dict[str, Any]:
    (run,) = [run for run in kova.github.state.check_runs(NAME) if run["head_sha"] == sha]
    return run


def buttons(run: dict[str, Any]) -> dict[str, str]:
    return {button["identifier"]: button["label"] for button in run.get("actions") or []}


def suggested(kova: Kova) -> dict[str, Any]:
    """Return the check run of a commit whose fixes were proved, and offered nowhere."""
    kova.push(NAME, {"note.md": b"Nothing yet.\n"})
    kova.wait_for_scans(1)
    answer = kova.client.patch(f"/api/repositories/{NAME}", json={"auto_fix": "suggest"})
    assert answer.status_code == 200
    sha = kova.push(NAME, {"a.py": BAD, "b.py": OTHER})
    kova.wait_for_scans(2)
    return run_of(kova, sha)


def audited(kova: Kova, action: str) -> list[str]:
    return [row["actor"] for row in kova.all("/api/audit") if row["action"] == action]


def test_fix_this_opens_the_pull_requests_of_proved_fixes_once(kova: Kova) -> None:
    run = suggested(kova)
    assert buttons(run) == {"fix": "Fix this", "ignore": "Ignore"}
    assert kova.github.state.pulls(NAME) == []
    payload = kova.github.button_event(NAME, run["id"], "fix")
    follow(kova, "check_run", payload)
    pulls = kova.github.state.pulls(NAME)
    assert {pull["head_ref"] for pull in pulls} == {
        f"kova/fix-{fix['id']}" for fix in kova.all("/api/fixes", status="published")
    }
    assert len(pulls) == 2
    assert audited(kova, "fix.published") == ["github:writer"] * 2
    follow(kova, "check_run", payload)
    assert len(kova.github.state.pulls(NAME)) == 2
    assert audited(kova, "fix.published") == ["github:writer"] * 2


def test_ignore_ignores_what_the_check_run_shows_as_new(kova: Kova) -> None:
    run = suggested(kova)
    guid = str(uuid.uuid4())
    payload = kova.github.button_event(NAME, run["id"], "ignore")
    for _ in range(2):
        assert send(kova, "check_run", payload, guid) == "queued"
        eventually(lambda: not kova.all("/api/errors", status="open"))
    errors = kova.all("/api/errors", status="ignored")
    assert {error["ignored"]["by"] for error in errors} == {"github:writer"}
    assert audited(kova, "error.ignored") == ["github:writer"] * 2
    # The press is followed by a scan, which writes the check run again.
    eventually(lambda: run_of(kova, run["head_sha"])["conclusion"] == "success")
    assert buttons(run_of(kova, run["head_sha"])) == {}


@pytest.mark.parametrize("identifier", ["fix", "ignore"])
def test_who_may_not_write_changes_nothing(kova: Kova, identifier: str) -> None:
    run = suggested(kova)
    follow(kova, "check_run", kova.github.button_event(NAME, run["id"], identifier, user="reader"))
    assert kova.github.state.pulls(NAME) == []
    assert len(kova.all("/api/errors", status="open")) == 2
    assert audited(kova, "fix.published") == audited(kova, "error.ignored") == []


def test_a_check_run_without_anything_to_do_has_no_buttons(kova: Kova) -> None:
    sha = kova.push(NAME, {"a.py": b"x = 1\n"})
    kova.wait_for_scans(1)
    assert buttons(run_of(kova, sha)) == {}


def test_what_is_in_a_pull_request_already_has_no_button(kova: Kova) -> None:
    sha = kova.push(NAME, {"a.py": BAD})
    kova.wait_for_scans(1)
    assert len(kova.github.state.pulls(NAME)) == 1
    assert buttons(run_of(kova, sha)) == {"ignore": "Ignore"}


def test_a_pull_requests_check_run_has_no_buttons(kova: Kova) -> None:
    kova.push(NAME, {"a.py": b"x = 1\n"})
    sha = kova.github.state.push(NAME, {"b.py": BAD}, branch="feature")
    number = kova.github.state.open_pull(NAME, head="feature", base="main", title="A feature")
    send(kova, "pull_request", kova.github.pull_request_event(NAME, number))
    kova.wait_for_scans(2)
    assert buttons(run_of(kova, sha)) == {}
