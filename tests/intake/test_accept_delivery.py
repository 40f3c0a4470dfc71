"""A webhook delivery is verified before it is read, and its job is queued before it is accepted."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from kova.adapters.memory.commands import MemoryCommandQueue
from kova.adapters.memory.queues import MemoryScanQueue
from kova.commands.comment import CommentJob, Verb
from kova.commands.message import decode_command_message
from kova.intake.accept_delivery import AcceptDelivery, AcceptedDelivery, IncomingDelivery
from kova.scans.scan import Trigger
from kova.shared.exceptions import (
    InvalidInputError,
    NotConfiguredError,
    QueueUnavailableError,
    SignatureError,
)
from kova.shared.owners import EVERY_OWNER, Owners, owners_of

SHA = "a" * 40
NEW, OLD = "new", "old"
REPOSITORY = {"id": 7, "full_name": "octo/sample", "default_branch": "main", "private": True}
PUSH = {
    "ref": "refs/heads/main",
    "after": SHA,
    "repository": REPOSITORY,
    "installation": {"id": 3},
}
COMMENT = {
    "action": "created",
    "repository": REPOSITORY,
    "installation": {"id": 3},
    "issue": {"number": 5, "pull_request": {"url": "x"}},
    "comment": {"id": 77, "body": "/kova ask why?", "user": {"login": "ann", "type": "User"}},
}


@dataclass
class Intake:
    secrets: tuple[str, ...] = (NEW, OLD)
    scans: MemoryScanQueue = field(default_factory=MemoryScanQueue)
    commands: MemoryCommandQueue | None = field(default_factory=MemoryCommandQueue)

    owners: Owners = EVERY_OWNER

    def accept(self, incoming: IncomingDelivery) -> AcceptedDelivery:
        use_case = AcceptDelivery(
            secrets=self.secrets, queue=self.scans, commands=self.commands, owners=self.owners
        )
        return use_case.accept(incoming)

    def jobs(self) -> list[str | CommentJob]:
        assert self.commands is not None
        return [decode_command_message(message) for message in self.commands.messages]


def signed(payload: object, event: str = "push", secret: str = NEW) -> IncomingDelivery:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return IncomingDelivery(
        delivery_id="d-1",
        event=event,
        signature=f"sha256={digest}",
        content_type="application/json",
        body=body,
    )


@pytest.fixture
def intake() -> Intake:
    return Intake()


@pytest.mark.parametrize("secret", [NEW, OLD])
def test_a_push_is_queued_as_a_scan_with_any_of_the_rotating_secrets(
    intake: Intake, secret: str
) -> None:
    accepted = intake.accept(signed(PUSH, secret=secret))
    assert accepted == AcceptedDelivery(delivery="d-1", event="push", status="queued")
    (target,) = intake.scans.targets()
    assert (target.trigger, target.commit_sha, target.delivery) == (Trigger.PUSH, SHA, "d-1")
    assert intake.jobs() == []


@pytest.mark.parametrize(("payload", "event"), [(PUSH, "push"), (COMMENT, "issue_comment")])
def test_what_strangers_send_is_ignored_with_the_reason(
    intake: Intake, payload: dict[str, Any], event: str
) -> None:
    intake.owners = owners_of(["acme", "oct"])
    accepted = intake.accept(signed(payload, event))
    assert (accepted.status, accepted.reason) == ("ignored", "owner_not_allowed")
    assert (intake.scans.messages, intake.jobs()) == ([], [])
    intake.owners = owners_of(["acme", "OCTO"])
    assert intake.accept(signed(payload, event)).status == "queued"


def test_a_redelivery_is_queued_again_under_the_same_name(intake: Intake) -> None:
    intake.accept(signed(PUSH))
    intake.accept(signed(PUSH))
    first, second = intake.scans.targets()
    assert first.dedupe_key == second.dedupe_key


def test_a_command_in_a_comment_is_queued_for_the_command_worker(intake: Intake) -> None:
    assert intake.accept(signed(COMMENT, "issue_comment")).status == "queued"
    (job,) = intake.jobs()
    assert isinstance(job, CommentJob)
    assert (job.verb, job.argument, job.author, job.number) == (Verb.ASK, "why?", "ann", 5)
    assert (job.pull_request, job.comment_id, job.installation_id) == (True, 77, 3)
    assert intake.scans.targets() == []


def changed(**fields: Any) -> dict[str, Any]:
    comment: dict[str, Any] = {**COMMENT["comment"], **fields}  # type: ignore[dict-item]
    return {**COMMENT, "comment": comment}


@pytest.mark.parametrize(
    "payload",
    [
        {**COMMENT, "action": "edited"},
        {**COMMENT, "action": "deleted"},
        changed(body="please look, /kova scan"),
        changed(body=None),
        changed(user={"login": "kova[bot]", "type": "Bot"}),
        changed(user={"login": "renovate", "type": "Bot"}),
        changed(user={"login": "../x", "type": "User"}),
        changed(user=None),
        changed(id=True),
        {**COMMENT, "repository": {"full_name": "x"}},
        {**COMMENT, "issue": {"number": -1}},
        {"action": "created"},
    ],
)
def test_other_comments_are_accepted_and_ignored(intake: Intake, payload: object) -> None:
    assert intake.accept(signed(payload, "issue_comment")).status == "ignored"
    assert (intake.jobs(), intake.scans.targets()) == ([], [])


def test_without_a_command_queue_comments_are_ignored_and_pushes_are_not() -> None:
    intake = Intake(commands=None)
    assert intake.accept(signed(COMMENT, "issue_comment")).status == "ignored"
    assert intake.accept(signed(PUSH)).status == "queued"


@pytest.mark.parametrize(
    ("event", "known"), [("ping", "ping"), ("star", "other"), ("push", "push")]
)
def test_an_event_that_means_nothing_to_kova_is_ignored_under_a_bounded_name(
    intake: Intake, event: str, known: str
) -> None:
    accepted = intake.accept(signed({"zen": "Speak like a human."}, event))
    assert (accepted.status, accepted.event, accepted.known_event) == ("ignored", event, known)


@pytest.mark.parametrize("signature", [None, "", "sha256=" + "0" * 64, "é"])
@pytest.mark.parametrize("body", [json.dumps(PUSH).encode(), b"[" * 100_000])
def test_a_wrong_signature_is_refused_before_anything_is_read(
    intake: Intake, signature: str | None, body: bytes
) -> None:
    with pytest.raises(SignatureError):
        intake.accept(replace(signed(body), signature=signature))
    assert intake.scans.targets() == []


@pytest.mark.parametrize("secrets", [(), ("",)])
def test_without_a_secret_nothing_is_accepted(secrets: tuple[str, ...]) -> None:
    intake = Intake(secrets=secrets)
    with pytest.raises(NotConfiguredError):
        intake.accept(signed(PUSH, secret=""))
    assert intake.scans.targets() == []


@pytest.mark.parametrize(
    "changes",
    [{"delivery_id": None}, {"delivery_id": "a b"}, {"event": None}, {"event": "Push\n"}],
)
def test_a_malformed_header_is_refused(intake: Intake, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        intake.accept(replace(signed(PUSH), **changes))
    assert intake.scans.targets() == []


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b"\xff"])
def test_a_signed_body_that_is_no_object_is_refused(intake: Intake, body: bytes) -> None:
    with pytest.raises(InvalidInputError):
        intake.accept(signed(body))


def test_what_could_not_be_queued_is_not_accepted(intake: Intake) -> None:
    intake.scans.available = False
    with pytest.raises(QueueUnavailableError):
        intake.accept(signed(PUSH))
    assert intake.commands is not None
    intake.commands.available = False
    with pytest.raises(QueueUnavailableError):
        intake.accept(signed(COMMENT, "issue_comment"))
