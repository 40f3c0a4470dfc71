"""POST /api/fixes/{id}/publish: one verified fix becomes one pull request of its own."""

from __future__ import annotations

from typing import Any

from kova.access.api_key import Scope
from tests.server.conftest import Kova
from tests.support.eventually import eventually
from tests.support.queues import depth

# The first edit is safe, the second is not and waits for a person.
CODE = b"def f(x, seen=[]):\n    return x is 'a', seen\n"
MENDABLE = b"def f(x):\n    return x is 'a'\n"


def fixes(kova: Kova) -> dict[str, dict[str, Any]]:
    return {fix["rule_id"]: fix for fix in kova.all("/api/fixes")}


def wait_for_published(kova: Kova, rule: str) -> dict[str, Any]:
    """Return the fix of a rule as soon as it is published and no job is left."""

    def find_published() -> dict[str, Any] | None:
        fix = fixes(kova)[rule]
        if fix["status"] == "published" and depth(kova.environment["KOVA_FIX_QUEUE_URL"]) == 0:
            return fix
        return None

    return eventually(find_published, 30, pause=0.05, otherwise=lambda: kova.logs()[-3_000:])


def test_a_verified_fix_is_published_once_however_often_it_is_asked_for(kova: Kova) -> None:
    kova.push("octo/sample", {"a.py": CODE})
    kova.wait_for_scans(1)
    fix = fixes(kova)["B006"]
    assert (fix["status"], fix["safe"]) == ("verified", False)
    for _ in range(3):
        answer = kova.client.post(f"/api/fixes/{fix['id']}/publish")
        assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    url = wait_for_published(kova, "B006")["pull_request_url"]
    number = int(url.rpartition("/")[2])
    (pull,) = [pull for pull in kova.github.state.pulls("octo/sample") if pull["number"] == number]
    assert pull["title"] == "Fix B006 in a.py"
    assert "wait for the repository's checks" in pull["body"]
    assert len(kova.github.state.pulls("octo/sample")) == 2
    events = [event for event in kova.all("/api/audit") if event["action"] == "fix.published"]
    assert {event["target"] for event in events} == {fix["id"]}


def test_what_was_not_proved_is_not_published(kova: Kova) -> None:
    kova.push("octo/sample", {"a.py": CODE})
    kova.wait_for_scans(1)
    fix = fixes(kova)["B006"]
    missing = kova.client.post("/api/fixes/00000000-0000-0000-0000-000000000000/publish")
    assert missing.status_code == 404
    reader = kova.with_new_key(Scope.READ)
    assert reader.client.post(f"/api/fixes/{fix['id']}/publish").status_code == 403


def test_a_fix_of_a_file_that_has_changed_is_not_published(kova: Kova) -> None:
    kova.push("octo/sample", {"a.py": CODE})
    kova.wait_for_scans(1)
    fix = fixes(kova)["B006"]
    # Changed on GitHub, and nobody told Kova yet.
    kova.github.state.push("octo/sample", {"a.py": b"# new\n" + CODE})
    assert kova.client.post(f"/api/fixes/{fix['id']}/publish").status_code == 202
    eventually(lambda: depth(kova.environment["KOVA_FIX_QUEUE_URL"]) == 0, 30, pause=0.05)
    assert fixes(kova)["B006"]["status"] == "verified"
    assert "stale_fix" in kova.logs()
    titles = {pull["title"] for pull in kova.github.state.pulls("octo/sample")}
    assert "Fix B006 in a.py" not in titles


def test_a_fix_in_a_protected_file_is_offered_and_never_pushed_and_stops_no_other(
    kova: Kova,
) -> None:
    paths = ("a.py", "samples/.github/b.py", ".github/c.py")
    kova.push("octo/sample", dict.fromkeys(paths, MENDABLE))
    (scan,) = kova.wait_for_scans(1)
    assert (scan["status"], scan["failure"]) == ("succeeded", None)
    (pull,) = kova.github.state.pulls("octo/sample")
    state = kova.github.state
    pushed = {
        path for path in paths if state.file("octo/sample", pull["head_ref"], path) != MENDABLE
    }
    assert pushed == {"a.py", "samples/.github/b.py"}
    (fix,) = [fix for fix in kova.all("/api/fixes") if fix["status"] == "verified"]
    assert "+    return x == 'a'" in fix["patch"]
    refused = kova.client.post(f"/api/fixes/{fix['id']}/publish")
    assert (refused.status_code, refused.json()["reason"]) == (409, "conflict")
    assert ".github/c.py" in refused.json()["detail"]
