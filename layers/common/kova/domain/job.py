"""The messages on the queues: small typed JSON with a version."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any, Final

from kova.domain.comment import CommentJob, Verb
from kova.scans.scan import ScanTarget, Trigger
from kova.shared.exceptions import MalformedMessageError
from kova.shared.repository import FULL_NAME_PATTERN

VERSION: Final = 1
_ID: Final = re.compile(r"[0-9a-f-]{36}")
_FIELDS: Final = {field.name for field in dataclasses.fields(ScanTarget)}
_COMMENT_FIELDS: Final = {
    "repository": str,
    "installation_id": int,
    "number": int,
    "pull_request": bool,
    "comment_id": int,
    "author": str,
    "verb": str,
    "argument": str,
}
_INTEGERS: Final = {"github_id", "installation_id", "pull_request"}
_BOOLEANS: Final = {"private", "full", "fix"}


def encode_scan_job(target: ScanTarget) -> str:
    """Return the message for the scan queue."""
    body = {key: value for key, value in dataclasses.asdict(target).items() if value is not None}
    return json.dumps({"version": VERSION, "kind": "scan", **body}, separators=(",", ":"))


def decode_scan_job(body: str) -> ScanTarget:
    """Read a message of the scan queue.

    Raises:
        MalformedMessageError: it is not one; trying again will not help.
    """
    message = _message(body, "scan")
    values = {key: value for key, value in message.items() if key in _FIELDS}
    for key, value in values.items():
        _check(key, value)
    try:
        return ScanTarget(**{**values, "trigger": Trigger(values.get("trigger", ""))})
    except (TypeError, ValueError) as exc:
        raise MalformedMessageError from exc


def encode_command_job(command_id: str) -> str:
    """Return the message for the command queue."""
    body = {"version": VERSION, "kind": "command", "command_id": command_id}
    return json.dumps(body, separators=(",", ":"))


def decode_command_job(body: str) -> str:
    """Read a message of the command queue and return the command's id.

    Raises:
        MalformedMessageError: it is not one; trying again will not help.
    """
    message = _message(body, "command")
    command_id = message.get("command_id")
    if not isinstance(command_id, str) or not _ID.fullmatch(command_id):
        raise MalformedMessageError("The queue message names no command.")
    return command_id


def encode_publish_job(fix_id: str) -> str:
    """Return the message for the fix queue."""
    body = {"version": VERSION, "kind": "publish", "fix_id": fix_id}
    return json.dumps(body, separators=(",", ":"))


def decode_publish_job(body: str) -> str:
    """Read a message of the fix queue and return the fix's id.

    Raises:
        MalformedMessageError: it is not one; trying again will not help.
    """
    fix_id = _message(body, "publish").get("fix_id")
    if not isinstance(fix_id, str) or not _ID.fullmatch(fix_id):
        raise MalformedMessageError("The queue message names no fix.")
    return fix_id


def encode_comment_job(job: CommentJob) -> str:
    """Return the message for a command in a comment; it waits in the command queue too."""
    body = {key: one for key, one in dataclasses.asdict(job).items() if one is not None}
    return json.dumps({"version": VERSION, "kind": "comment", **body}, separators=(",", ":"))


def decode_command_message(body: str) -> str | CommentJob:
    """Read any message of the command queue: a command's id, or a command in a comment.

    Raises:
        MalformedMessageError: it is neither.
    """
    try:
        return decode_command_job(body)
    except MalformedMessageError:
        message = _message(body, "comment")
    values = {key: one for key, one in message.items() if key in _COMMENT_FIELDS}
    for key, kind in _COMMENT_FIELDS.items():
        optional = key == "installation_id" and key not in values
        if not optional and type(values.get(key)) is not kind:
            raise MalformedMessageError(f"The queue message's field {key} has the wrong type.")
    if not re.fullmatch(FULL_NAME_PATTERN, values["repository"]) or values["verb"] not in set(Verb):
        raise MalformedMessageError
    return CommentJob(**{"installation_id": None, **values, "verb": Verb(values["verb"])})


def _message(body: str, kind: str) -> dict[str, Any]:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise MalformedMessageError from exc
    if not isinstance(message, dict) or message.get("kind") != kind:
        raise MalformedMessageError
    if message.get("version") != VERSION:
        raise MalformedMessageError("The queue message has a version that is not known.")
    return message


def _check(key: str, value: Any) -> None:
    kind = int if key in _INTEGERS else bool if key in _BOOLEANS else str
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise MalformedMessageError(f"The queue message's field {key} has the wrong type.")
    if key == "repository" and not re.fullmatch(FULL_NAME_PATTERN, str(value)):
        raise MalformedMessageError("The queue message names no repository.")
