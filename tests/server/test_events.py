"""What GitHub says that changed is asked for and followed: through the webhook to the rows."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import redis

from kova.adapters.redis import keys
from tests.server.conftest import Kova
from tests.support.eventually import eventually

NAME = "octo/sample"
BAD = b"def f(x):\n    return x is 'a'\n"
WORSE = b"import re\n\n\ndef f(x):\n    return x is 'a' and re.match('\\d', x)\n"


def send(kova: Kova, event: str, payload: dict[str, Any], guid: str | None = None) -> str:
    """Deliver an event; return its status as the webhook says it."""
    answer = kova.github.deliver(f"{kova.address}/webhooks/github", event, payload, guid)
    assert answer.status_code == 202, answer.text
    status: str = answer.json()["status"]
    return status


def follow(kova: Kova, event: str, payload: dict[str, Any]) -> None:
    """Deliver an event and wait until its work is done."""
    guid = str(uuid.uuid4())
    assert send(kova, event, payload, guid) == "queued"
    with psycopg.connect(kova.environment["KOVA_DATABASE_URL"], autocommit=True) as connection:
        eventually(
            lambda: connection.execute(
                "SELECT 1 FROM deliveries WHERE id = %s", (guid,)
            ).fetchone(),
            60,
            pause=0.05,
            otherwise=lambda: kova.logs()[-3_000:],
        )


def repository(kova: Kova, name: str = NAME) -> dict[str, Any]:
    row: dict[str, Any] = kova.get(f"/api/repositories/{name}")
    return row


def scanned(kova: Kova) -> Kova:
    kova.push(NAME, {"a.py": BAD})
    kova.wait_for_scans(1)
    return kova


def test_an_installation_makes_rows_and_scans_nothing(kova: Kova) -> None:
    kova.github.state.create_repository(NAME, files={"a.py": BAD}, private=True)
    kova.github.state.create_repository("octo/other", files={"a.py": BAD})
    follow(kova, "installation", kova.github.installation_event("created", NAME, "octo/other"))
    rows = {row["full_name"]: row["private"] for row in kova.all("/api/repositories")}
    assert rows == {NAME: True, "octo/other": False}
    assert kova.all("/api/scans") == []


@pytest.mark.parametrize("private", [True, False])
def test_a_removed_repository_is_not_scanned_until_it_is_added_again(
    kova: Kova, *, private: bool
) -> None:
    scanned(kova)
    state = kova.github.state.repository(NAME)
    state.private, state.installed = private, False
    follow(kova, "installation_repositories", kova.github.installation_event("removed", NAME))
    row = repository(kova)
    assert (row["problem"], row["problem_since"] is not None) == ("removed", True)
    answer = kova.client.post("/api/scan", json={"repository": NAME})
    assert answer.status_code == 404
    state.installed = True
    follow(kova, "installation_repositories", kova.github.installation_event("added", NAME))
    assert repository(kova)["problem"] is None
    kova.push(NAME, {"b.py": BAD})
    kova.wait_for_scans(2)


def test_queued_scans_of_what_cannot_be_seen_are_skipped_with_the_reason(kova: Kova) -> None:
    scanned(kova)
    kova.workers[-1].terminate()
    kova.workers[-1].wait(timeout=30)
    repository_id = repository(kova)["id"]
    with psycopg.connect(kova.environment["KOVA_DATABASE_URL"]) as connection:
        connection.execute(
            """INSERT INTO scans (repository_id, dedupe_key, trigger)
            VALUES (%s, 'api:waiting', 'api')""",
            (repository_id,),
        )
    state = kova.github.state.repository(NAME)
    state.private, state.installed = True, False
    kova.start_worker()
    follow(kova, "installation_repositories", kova.github.installation_event("removed", NAME))
    kova.push(NAME, {"b.py": BAD})
    skipped = [scan for scan in kova.wait_for_scans(3) if scan["status"] == "skipped"]
    assert len(skipped) == 2
    assert {scan["failure"] for scan in skipped} == {
        "removed: The GitHub App is no longer installed on this repository."
    }


def suspend(kova: Kova) -> None:
    kova.github.context.credentials.app.suspended = True


def uninstall(kova: Kova) -> None:
    kova.github.context.credentials.app.installation_id = None


@pytest.mark.parametrize(
    ("action", "change", "problem"),
    [("suspend", suspend, "suspended"), ("deleted", uninstall, "uninstalled")],
)
def test_a_suspended_or_deleted_installation_marks_its_repositories(
    kova: Kova, action: str, change: Callable[[Kova], None], problem: str
) -> None:
    scanned(kova)
    change(kova)
    follow(kova, "installation", kova.github.installation_event(action, NAME))
    assert repository(kova)["problem"] == problem
    app = kova.github.context.credentials.app
    app.suspended, app.installation_id = False, kova.github.installation_id
    follow(kova, "installation", kova.github.installation_event("unsuspend"))
    assert repository(kova)["problem"] is None


def test_a_late_event_does_not_undo_what_is_true_now(kova: Kova) -> None:
    scanned(kova)
    removed = kova.github.installation_event("removed", NAME)
    suspended = kova.github.installation_event("suspend", NAME)
    gone = kova.github.repository_event(NAME, "privatized")
    for event, payload in [
        ("installation_repositories", removed),
        ("installation", suspended),
        ("repository", gone),
    ]:
        follow(kova, event, payload)
        row = repository(kova)
        assert (row["problem"], row["private"]) == (None, False)


def test_a_push_from_before_the_rename_does_not_bring_the_old_state_back(kova: Kova) -> None:
    scanned(kova)
    late = kova.github.push_event(NAME)
    kova.github.state.transfer(NAME, "octo/renamed")
    kova.github.state.repository("octo/renamed").private = True
    follow(kova, "repository", kova.github.repository_event("octo/renamed", "renamed"))
    assert send(kova, "push", late) == "queued"
    follow(kova, "repository", kova.github.repository_event("octo/renamed", "privatized"))
    (row,) = kova.all("/api/repositories")
    assert (row["full_name"], row["private"]) == ("octo/renamed", True)


@pytest.mark.parametrize("new_name", ["octo/renamed", "acme/sample"])
def test_names_and_owners_follow_by_githubs_number(kova: Kova, new_name: str) -> None:
    scanned(kova)
    kova.github.state.transfer(NAME, new_name)
    action = "renamed" if new_name.startswith("octo") else "transferred"
    follow(kova, "repository", kova.github.repository_event(new_name, action))
    (row,) = kova.all("/api/repositories")
    assert row["full_name"] == new_name
    assert len(kova.all("/api/errors", repository=new_name)) == 1


def test_visibility_and_the_archive_follow(kova: Kova) -> None:
    scanned(kova)
    state = kova.github.state.repository(NAME)
    for action, private, archived in [
        ("privatized", True, False),
        ("archived", True, True),
        ("unarchived", True, False),
        ("publicized", False, False),
    ]:
        state.private, state.archived = private, archived
        follow(kova, "repository", kova.github.repository_event(NAME, action))
        row = repository(kova)
        assert (row["private"], row["archived"]) == (private, archived)
    with redis.Redis.from_url(kova.environment["KOVA_REDIS_URL"]) as client:
        noted = client.get(keys.rights_change())
    # GitHub is asked again what people may see.
    assert isinstance(noted, bytes)
    assert datetime.now(UTC) - datetime.fromisoformat(noted.decode()) < timedelta(minutes=1)


def test_an_archived_repository_gets_no_pull_request_and_the_scan_says_so(kova: Kova) -> None:
    kova.github.state.create_repository(NAME, files={"a.py": BAD})
    state = kova.github.state.repository(NAME)
    state.archived = True
    follow(kova, "repository", kova.github.repository_event(NAME, "archived"))
    follow(kova, "installation", kova.github.installation_event("created", NAME))
    assert kova.client.post("/api/scan", json={"repository": NAME}).status_code == 202
    (scan,) = kova.wait_for_scans(1)
    assert scan["status"] == "succeeded", scan
    assert "archived" in scan["coverage"]["publishing"]["pull_request"]
    assert kova.github.state.pulls(NAME) == []
    (fix,) = kova.all("/api/fixes")
    answer = kova.client.post(f"/api/fixes/{fix['id']}/publish")
    assert (answer.status_code, "archived" in answer.text) == (409, True)


def test_errors_follow_the_new_default_branch(kova: Kova) -> None:
    scanned(kova)
    kova.github.state.push(NAME, {"a.py": b"x = 1\n", "c.py": WORSE}, branch="next")
    kova.github.state.repository(NAME).default_branch = "next"
    changes = {"default_branch": {"from": "main"}}
    guid = str(uuid.uuid4())
    for _ in range(2):
        payload = kova.github.repository_event(NAME, "edited", changes)
        assert send(kova, "repository", payload, guid) == "queued"
    kova.wait_for_scans(2)
    paths = {error["path"] for error in kova.all("/api/errors", status="open")}
    assert paths == {"c.py"}
    assert repository(kova)["default_branch"] == "next"
    follow(kova, "repository", kova.github.repository_event(NAME, "privatized"))
    assert len(kova.all("/api/scans")) == 2


def test_a_deleted_default_branch_is_said_until_there_is_one(kova: Kova) -> None:
    scanned(kova)
    payload = kova.github.branch_deleted_event(NAME, "main")
    follow(kova, "push", payload)
    assert repository(kova)["problem"] == "default_branch_deleted"
    kova.push(NAME, {"a.py": WORSE}, branch="main")
    follow(kova, "repository", kova.github.repository_event(NAME, "publicized"))
    assert repository(kova)["problem"] is None


def test_another_branch_that_is_deleted_is_nothing(kova: Kova) -> None:
    scanned(kova)
    kova.github.state.push(NAME, {"b.py": BAD}, branch="feature")
    assert send(kova, "push", kova.github.branch_deleted_event(NAME, "feature")) == "ignored"


def test_a_deleted_repository_keeps_nothing_for_one_of_its_name(kova: Kova) -> None:
    scanned(kova)
    follow(kova, "repository", kova.github.delete_repository(NAME))
    assert repository(kova)["problem"] == "deleted"
    kova.push(NAME, {"b.py": b"x = 1\n"})
    kova.wait_for_scans(2)
    assert kova.all("/api/errors", repository=NAME) == []
    names = sorted(row["full_name"] for row in kova.all("/api/repositories"))
    assert names[0] == NAME
    assert names[1].startswith(f"{NAME}#")
