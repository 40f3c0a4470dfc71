"""Events as messages of the scan queue.

A worker of the previous release would bury a message of a kind that it does not know. It sends on
what is not due yet: so an event is a scan that is never due, and says in the ref, where git allows
no such text, what it really is. Today's workers do it at once.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any, Final

from kova.events.event import EventJob, EventKind
from kova.scans.message import ScanJob, ScanRetry
from kova.scans.scan import ScanTarget, Trigger
from kova.shared.exceptions import MalformedMessageError

_MARK: Final = "kova:event:"
_NEVER: Final = datetime(9999, 1, 1, tzinfo=UTC)
_ACTION: Final = re.compile(r"[a-z_]{1,40}")
_SENDER: Final = re.compile(r"[A-Za-z0-9_\[\]-]{1,100}")


def event_target(job: EventJob) -> ScanTarget:
    """Return what stands for an event in the queue."""
    about = {"kind": job.kind, "action": job.action, "sender": job.sender}
    return ScanTarget(
        repository=job.repository,
        trigger=Trigger.API,
        github_id=job.github_id,
        installation_id=job.installation_id,
        ref=_MARK + json.dumps(about, separators=(",", ":")),
        commit_sha=job.commit_sha,
        pull_request=job.number,
        delivery=job.delivery,
    )


def event_message(job: EventJob) -> ScanJob:
    """Return an event as a message of the scan queue."""
    return ScanJob(target=event_target(job), retry=ScanRetry(due_at=_NEVER))


def event_of(job: ScanJob) -> EventJob | None:
    """Return the event that a message of the scan queue stands for; None where it is a scan.

    Raises:
        MalformedMessageError: it is neither.
    """
    target = job.target
    if target.ref is None or not target.ref.startswith(_MARK):
        return None
    try:
        about = json.loads(target.ref.removeprefix(_MARK))
    except (ValueError, RecursionError) as exc:
        raise MalformedMessageError from exc
    action, sender = _text(about, "action", _ACTION), about.get("sender")
    if about.get("kind") not in set(EventKind) or action is None or target.delivery is None:
        raise MalformedMessageError("The queue message names no event.")
    return EventJob(
        kind=EventKind(about["kind"]),
        action=action,
        repository=target.repository,
        delivery=target.delivery,
        github_id=target.github_id,
        installation_id=target.installation_id,
        number=target.pull_request,
        commit_sha=target.commit_sha,
        sender=None if sender is None else _text(about, "sender", _SENDER),
    )


def _text(fields: Any, key: str, pattern: re.Pattern[str]) -> str | None:
    if not isinstance(fields, dict):
        raise MalformedMessageError("The queue message names no event.")
    value = fields.get(key)
    return value if isinstance(value, str) and pattern.fullmatch(value) else None
