"""GitHub's webhook deliveries: verify the signature, read the few fields that matter.

Pure functions over bytes. GitHub's own examples break its schemas, so only about ten fields are
read and everything else is ignored.
See https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qs

from kova.commands.comment import CommentJob, parse_comment
from kova.events.event import EventJob
from kova.intake.github_event import CHANGES, changes_base, former_owner, read_event
from kova.intake.rerequest import REREQUESTS, read_rerequest
from kova.scans.scan import ScanTarget, Trigger
from kova.shared.exceptions import (
    InvalidInputError,
    MediaTypeError,
    NotConfiguredError,
    SignatureError,
)
from kova.shared.json_text import as_id, as_object, parse_json
from kova.shared.repository import FULL_NAME_PATTERN, is_ref, is_sha
from kova.shared.text import clean

KNOWN_EVENTS: Final = (
    REREQUESTS | CHANGES | {"push", "pull_request", "merge_group", "issue_comment", "ping"}
)
_FORM: Final = "application/x-www-form-urlencoded"
_DELIVERY: Final = re.compile(r"^[A-Za-z0-9-]{1,64}$")
_SIGNATURE: Final = re.compile(rb"^sha256=([0-9a-f]{64})$")
_PULL_ACTIONS: Final = frozenset({"opened", "synchronize", "reopened", "ready_for_review"})
_LOGIN: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
_LAST_SECOND: Final = 2**33  # In Unix time; the year 2242.


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One verified delivery: something to scan or to look at, a command in a comment, or nothing.

    `former_owner` is whom a transferred repository belonged to before.
    """

    id: str
    event: str
    action: str | None
    target: ScanTarget | None
    comment: CommentJob | None = None
    change: EventJob | None = None
    former_owner: str | None = None


def verify_signature(body: bytes | bytearray, header: str | None, secrets: Sequence[str]) -> None:
    """Check X-Hub-Signature-256 over the raw bytes, in constant time.

    Args:
        body: the body exactly as it arrived.
        header: the value of X-Hub-Signature-256.
        secrets: every secret that is valid now (several while one is being rotated).

    Raises:
        NotConfiguredError: no secret is configured; then no signature is valid.
        SignatureError: the header is missing, malformed or does not match.
    """
    usable = [secret for secret in secrets if secret]
    if not usable:
        raise NotConfiguredError("No webhook secret is configured.")
    match = _SIGNATURE.match((header or "").encode("utf-8", "replace"))
    if match is None:
        raise SignatureError
    signature = match[1]
    matches = False
    for secret in usable:
        expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode()
        matches |= hmac.compare_digest(expected, signature)
    if not matches:
        raise SignatureError


def parse_delivery(
    *, delivery_id: str | None, event: str | None, content_type: str | None, body: bytes | bytearray
) -> Delivery:
    """Read a verified delivery.

    Raises:
        MediaTypeError: the body is said to be something else than JSON or a form.
        InvalidInputError: a header is missing or the body is not a JSON object with members.
    """
    if not delivery_id or not _DELIVERY.fullmatch(delivery_id):
        raise InvalidInputError("X-GitHub-Delivery is missing or malformed.")
    if not event or not re.fullmatch(r"[a-z0-9_]{1,64}", event):
        raise InvalidInputError("X-GitHub-Event is missing or malformed.")
    payload = _payload(content_type or "", body)
    action = payload.get("action")
    return Delivery(
        id=delivery_id,
        event=event,
        action=action if isinstance(action, str) else None,
        target=_target(event, delivery_id, payload),
        comment=_comment(payload) if event == "issue_comment" else None,
        change=read_event(event, delivery_id, payload),
        former_owner=former_owner(payload) if event == "repository" else None,
    )


def _payload(content_type: str, body: bytes | bytearray) -> dict[str, Any]:
    kind = content_type.split(";", maxsplit=1)[0].strip().lower()
    if kind == _FORM:
        body = _form_payload(body)
    elif kind and kind != "application/json":
        raise MediaTypeError
    try:
        value = parse_json(body)
    except ValueError as exc:
        raise InvalidInputError("The body is not JSON.", reason="bad_json") from exc
    if not isinstance(value, dict) or not value:
        raise InvalidInputError("The body is not a JSON object with members.")
    return value


def _form_payload(body: bytes | bytearray) -> bytes:
    try:
        fields = parse_qs(bytes(body), strict_parsing=True, max_num_fields=16)
    except ValueError as exc:
        raise InvalidInputError("The form is malformed.") from exc
    values = fields.get(b"payload", [])
    if len(values) != 1:
        raise InvalidInputError("The form has no single field `payload`.")
    return values[0]


def _target(event: str, delivery_id: str, payload: dict[str, Any]) -> ScanTarget | None:
    repository = as_object(payload.get("repository"))
    full_name = repository.get("full_name")
    if not isinstance(full_name, str) or not re.fullmatch(FULL_NAME_PATTERN, full_name):
        return None
    default_branch = repository.get("default_branch")
    common: dict[str, Any] = {
        "repository": full_name,
        "github_id": as_id(repository.get("id")),
        "installation_id": as_id(as_object(payload.get("installation")).get("id")),
        "default_branch": default_branch if _is_branch(default_branch) else None,
        "private": repository.get("private") is True,
        "delivery": delivery_id,
    }
    if event in REREQUESTS:
        return read_rerequest(event, payload, common)
    if event == "push":
        return _push_target(payload, common)
    if event == "pull_request":
        return _pull_request_target(payload, common)
    if event == "merge_group":
        return _merge_group_target(payload, common)
    return None


def _push_target(payload: dict[str, Any], common: dict[str, Any]) -> ScanTarget | None:
    ref, after = payload.get("ref"), payload.get("after")
    branch = common["default_branch"]
    if payload.get("deleted") is True or not branch or ref != f"refs/heads/{branch}":
        return None
    if not isinstance(after, str) or not is_sha(after) or not after.strip("0"):
        return None
    forced = payload.get("forced") is True
    pushed_at = _second(as_object(payload.get("repository")).get("pushed_at"))
    moved = _move(payload.get("before"), pushed_at, common)
    return ScanTarget(
        trigger=Trigger.PUSH, ref=ref, commit_sha=after, forced=forced, **moved, **common
    )


def _pull_request_target(payload: dict[str, Any], common: dict[str, Any]) -> ScanTarget | None:
    pull = as_object(payload.get("pull_request"))
    number = as_id(payload.get("number")) or as_id(pull.get("number"))
    head, base = as_object(pull.get("head")), as_object(pull.get("base"))
    shas = (head.get("sha"), base.get("sha"))
    action = payload.get("action")
    is_opened = isinstance(action, str) and action in _PULL_ACTIONS
    if not (is_opened or changes_base(payload)) or number is None:
        return None
    if not all(isinstance(sha, str) and is_sha(sha) for sha in shas):
        return None
    return ScanTarget(
        trigger=Trigger.PULL_REQUEST,
        ref=f"refs/pull/{number}/head",
        commit_sha=shas[0],
        base_sha=shas[1],
        pull_request=number,
        # Only the event of a push says where the head was before.
        **_move(payload.get("before"), _second(pull.get("updated_at")), common),
        **common,
    )


def _move(before: Any, pushed_at: int | None, common: dict[str, Any]) -> dict[str, Any]:
    """Return how a ref moved. What GitHub says of it may be missing or malformed.

    Without its second each delivery counts as a push of its own.
    """
    return {
        "before": before if isinstance(before, str) and is_sha(before) else None,
        "pushed_at": pushed_at,
        "push_id": common["delivery"] if pushed_at is None else str(pushed_at),
    }


def _second(moment: Any) -> int | None:
    """Return a moment in whole seconds of Unix time: GitHub writes numbers and texts."""
    if isinstance(moment, str):
        try:
            parsed = datetime.fromisoformat(moment)
        except ValueError:
            return None
        moment = int(parsed.timestamp()) if parsed.tzinfo is not None else None
    valid = isinstance(moment, int) and not isinstance(moment, bool)
    return moment if valid and 0 < moment < _LAST_SECOND else None


def _merge_group_target(payload: dict[str, Any], common: dict[str, Any]) -> ScanTarget | None:
    """Return the scan of a merge queue's commit: a queue that requires the check waits for it."""
    group = as_object(payload.get("merge_group"))
    ref, shas = group.get("head_ref"), (group.get("head_sha"), group.get("base_sha"))
    if payload.get("action") != "checks_requested" or not _is_branch(ref):
        return None
    if not all(isinstance(sha, str) and is_sha(sha) for sha in shas):
        return None
    return ScanTarget(
        trigger=Trigger.PULL_REQUEST,
        ref=str(ref),
        commit_sha=shas[0],
        base_sha=shas[1],
        **common,
    )


def _comment(payload: dict[str, Any]) -> CommentJob | None:
    comment, issue = as_object(payload.get("comment")), as_object(payload.get("issue"))
    user = as_object(comment.get("user"))
    full_name = as_object(payload.get("repository")).get("full_name")
    body, login = comment.get("body"), user.get("login")
    number, comment_id = as_id(issue.get("number")), as_id(comment.get("id"))
    if payload.get("action") != "created" or user.get("type") == "Bot":
        return None
    if not isinstance(body, str) or not isinstance(login, str) or not _LOGIN.fullmatch(login):
        return None
    if not isinstance(full_name, str) or not re.fullmatch(FULL_NAME_PATTERN, full_name):
        return None
    command = parse_comment(body)
    if command is None or number is None or comment_id is None:
        return None
    verb, argument = command
    return CommentJob(
        repository=full_name,
        installation_id=as_id(as_object(payload.get("installation")).get("id")),
        number=number,
        pull_request=bool(as_object(issue.get("pull_request"))),
        comment_id=comment_id,
        author=login,
        verb=verb,
        argument=clean(argument),
    )


def _is_branch(value: Any) -> bool:
    return isinstance(value, str) and is_ref(value)
