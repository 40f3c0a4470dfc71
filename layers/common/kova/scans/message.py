"""The messages of the scan queue."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from kova.scans.scan import ScanTarget, Trigger
from kova.shared.exceptions import MalformedMessageError
from kova.shared.message import ID_PATTERN, VERSION, parse_message
from kova.shared.repository import FULL_NAME_PATTERN

_FIELDS: Final = {field.name for field in dataclasses.fields(ScanTarget)}
_INTEGERS: Final = {"github_id", "installation_id", "pull_request", "pushed_at"}
_BOOLEANS: Final = {"private", "forced", "full", "fix", "rerun"}
_KIND: Final = re.compile(r"[a-z_]{1,30}")


@dataclass(frozen=True, kw_only=True)
class ScanRetry:
    """What a message says that another one has sent on.

    Attributes:
        due_at: the moment that the scan's row names for the next attempt; None where the row did
            not decide about the wait.
        kind: the kind of failure that the message counts itself (kova.shared.retry.FailureKind).
        attempt: how many attempts have failed so.
        since: when the first of them did.
        lease: the token of a lease that the last attempt could not give back.
    """

    due_at: datetime | None = None
    kind: str | None = None
    attempt: int = 0
    since: datetime | None = None
    lease: str | None = None


@dataclass(frozen=True, kw_only=True)
class ScanJob:
    """What is to be scanned. Without `retry`, somebody wishes it now."""

    target: ScanTarget
    retry: ScanRetry | None = None


def encode_scan_job(job: ScanJob) -> str:
    """Return the message for the scan queue."""
    body: dict[str, Any] = {"version": VERSION, "kind": "scan", **encode_target(job.target)}
    if job.retry is not None:
        body["retry"] = {
            key: value.isoformat() if isinstance(value, datetime) else value
            for key, value in dataclasses.asdict(job.retry).items()
            if value is not None
        }
    return json.dumps(body, separators=(",", ":"))


def decode_scan_job(body: str) -> ScanJob:
    """Read a message of the scan queue.

    Raises:
        MalformedMessageError: it is not one; trying again will not help.
    """
    message = parse_message(body, "scan")
    retry = message.get("retry")
    return ScanJob(
        target=decode_target(message), retry=None if retry is None else _decode_retry(retry)
    )


def encode_target(target: ScanTarget) -> dict[str, Any]:
    """Return a target's fields as JSON has them, without those that are None."""
    return {key: value for key, value in dataclasses.asdict(target).items() if value is not None}


def decode_target(fields: dict[str, Any]) -> ScanTarget:
    """Read a target's fields; unknown ones are ignored.

    Raises:
        MalformedMessageError: they are not a target's.
    """
    values = {key: value for key, value in fields.items() if key in _FIELDS}
    for key, value in values.items():
        _check(key, value)
    try:
        return ScanTarget(**{**values, "trigger": Trigger(values.get("trigger", ""))})
    except (TypeError, ValueError) as exc:
        raise MalformedMessageError from exc


def _decode_retry(fields: Any) -> ScanRetry:
    if not isinstance(fields, dict):
        raise MalformedMessageError("The queue message's field retry has the wrong type.")
    attempt, lease, kind = fields.get("attempt", 0), fields.get("lease"), fields.get("kind")
    if not isinstance(attempt, int) or isinstance(attempt, bool) or attempt < 0:
        raise MalformedMessageError("The queue message counts no attempts.")
    if lease is not None and (not isinstance(lease, str) or not ID_PATTERN.fullmatch(lease)):
        raise MalformedMessageError("The queue message names no lease.")
    if kind is not None and (not isinstance(kind, str) or not _KIND.fullmatch(kind)):
        raise MalformedMessageError("The queue message names no kind of failure.")
    try:
        return ScanRetry(
            due_at=_moment(fields.get("due_at")),
            kind=kind,
            attempt=attempt,
            since=_moment(fields.get("since")),
            lease=lease,
        )
    except (TypeError, ValueError) as exc:
        raise MalformedMessageError("The queue message's retry is not one.") from exc


def _moment(text: Any) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment without its zone")
    return moment


def _check(key: str, value: Any) -> None:
    kind = int if key in _INTEGERS else bool if key in _BOOLEANS else str
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise MalformedMessageError(f"The queue message's field {key} has the wrong type.")
    if key == "repository" and not re.fullmatch(FULL_NAME_PATTERN, str(value)):
        raise MalformedMessageError("The queue message names no repository.")
