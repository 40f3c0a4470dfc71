"""What intake reads of events, and what it leaves: other actions, other shapes, other owners."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
from typing import Any

import pytest

from kova.adapters.memory.queues import MemoryScanQueue
from kova.events.event import EventJob, EventKind
from kova.events.message import event_of
from kova.intake.accept_delivery import AcceptDelivery, IncomingDelivery
from kova.scans.message import decode_scan_job
from kova.shared.owners import owners_of

SHA = "a" * 40
REPOSITORY = {"id": 7, "full_name": "octo/sample", "default_branch": "main", "private": False}
COMMON = {"repository": REPOSITORY, "installation": {"id": 42}, "sender": {"login": "writer"}}
INSTALLATION = {"installation": {"id": 42, "account": {"login": "octo"}}, "repositories": []}
PULL = {
    "number": 3,
    "pull_request": {
        "number": 3,
        "head": {"ref": "kova/fix-main", "sha": SHA, "repo": {"id": 7}},
        "base": {"ref": "main", "sha": SHA},
    },
}
BUTTON = {
    "action": "requested_action",
    "requested_action": {"identifier": "fix"},
    "check_run": {"head_sha": SHA, "external_id": "kova/branch"},
}
EVENTS: dict[str, tuple[str, dict[str, Any], EventKind]] = {
    **{
        f"installation {action}": (
            "installation",
            {"action": action, **INSTALLATION},
            EventKind.INSTALLATION,
        )
        for action in ("created", "deleted", "suspend", "unsuspend", "new_permissions_accepted")
    },
    **{
        f"installation_repositories {action}": (
            "installation_repositories",
            {"action": action, **INSTALLATION},
            EventKind.INSTALLATION,
        )
        for action in ("added", "removed")
    },
    **{
        f"repository {action}": ("repository", {"action": action, **COMMON}, EventKind.REPOSITORY)
        for action in (
            *("renamed", "transferred", "deleted", "privatized"),
            *("publicized", "archived", "unarchived"),
        )
    },
    "repository edited": (
        "repository",
        {"action": "edited", "changes": {"default_branch": {"from": "old"}}, **COMMON},
        EventKind.REPOSITORY,
    ),
    "push of a deleted default branch": (
        "push",
        {"ref": "refs/heads/main", "after": "0" * 40, "deleted": True, **COMMON},
        EventKind.REPOSITORY,
    ),
    "pull_request closed": (
        "pull_request",
        {"action": "closed", **PULL, **COMMON},
        EventKind.PULL_REQUEST,
    ),
    "check_run requested_action": ("check_run", {**BUTTON, **COMMON}, EventKind.BUTTON),
}
VALUES: list[Any] = [
    None,
    True,
    1.5,
    -1,
    0,
    2**63,
    10**400,
    "",
    "x" * 100_000,
    "octo/sample\x00",
    "../..",
    "\ud800",
    [],
    [[]],
    {},
    {"id": {"id": []}},
]


def accept(event: str, payload: Any, *owners: str) -> tuple[str, list[EventJob | None]]:
    """Deliver a signed payload; return the status and the events that were queued."""
    queue = MemoryScanQueue()
    body = json.dumps(payload).encode()
    intake = AcceptDelivery(secrets=["secret"], queue=queue, owners=owners_of(owners))
    accepted = intake.accept(
        IncomingDelivery(
            delivery_id="guid-1",
            event=event,
            signature="sha256=" + hmac.new(b"secret", body, hashlib.sha256).hexdigest(),
            content_type="application/json",
            body=body,
        )
    )
    jobs = [event_of(decode_scan_job(message)) for message in queue.messages]
    return accepted.status, jobs


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_becomes_a_small_message_about_what_to_look_at(name: str) -> None:
    event, payload, kind = EVENTS[name]
    status, (job,) = accept(event, payload)
    assert status == "queued"
    assert job is not None
    assert (job.kind, job.delivery, job.installation_id) == (kind, "guid-1", 42)
    assert job.github_id == (None if kind is EventKind.INSTALLATION else 7)


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("installation", {"action": "dreamt", **INSTALLATION}),
        ("installation_target", {"action": "renamed", **INSTALLATION}),
        ("repository", {"action": "edited", "changes": {"description": {}}, **COMMON}),
        ("repository", {"action": "starred", **COMMON}),
        ("push", {"ref": "refs/heads/other", "deleted": True, **COMMON}),
        ("pull_request", {"action": "labeled", **PULL, **COMMON}),
        ("check_run", {"action": "created", "check_run": BUTTON["check_run"], **COMMON}),
        ("check_run", {**BUTTON, "requested_action": {"identifier": "drop"}, **COMMON}),
        (
            "check_run",
            {**BUTTON, "check_run": {"head_sha": SHA, "external_id": "kova/pull/1"}, **COMMON},
        ),
        ("projects_v2_item", {"action": "created", **COMMON}),
    ],
)
def test_what_does_not_concern_kova_is_ignored(event: str, payload: dict[str, Any]) -> None:
    assert accept(event, payload) == ("ignored", [])


def leaves(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the paths of every member of an object, inner ones too."""
    if not isinstance(value, dict):
        return []
    paths: list[tuple[str, ...]] = []
    for key, inner in value.items():
        paths += [(*path, key), *leaves(inner, (*path, key))]
    return paths


@pytest.mark.parametrize("name", EVENTS)
def test_no_shape_of_a_payload_is_more_than_ignored(name: str) -> None:
    event, payload, _ = EVENTS[name]
    for path in leaves(payload):
        for value in VALUES:
            hostile = copy.deepcopy(payload)
            place = hostile
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = value
            status, jobs = accept(event, hostile)
            assert status in {"queued", "ignored"}
            for job in jobs:
                assert job is None or job.github_id is None or 0 < job.github_id < 2**63
            del place[path[-1]]
            assert accept(event, hostile)[0] in {"queued", "ignored"}


@pytest.mark.parametrize(
    ("owner", "former", "status"),
    [
        ("octo", None, "queued"),
        ("stranger", "octo", "queued"),
        ("stranger", "another", "ignored"),
        ("stranger", None, "ignored"),
    ],
)
def test_a_transfer_concerns_whoever_kova_works_for_before_or_after(
    owner: str, former: str | None, status: str
) -> None:
    payload = {
        "action": "transferred",
        **COMMON,
        "repository": {**REPOSITORY, "full_name": f"{owner}/sample"},
        "changes": {"owner": {"from": {"user": {"login": former}}}},
    }
    assert accept("repository", payload, "octo")[0] == status


def test_an_installation_of_a_stranger_is_ignored() -> None:
    payload = {"action": "created", **INSTALLATION}
    assert accept("installation", payload, "acme")[0] == "ignored"
