"""The messages of the command queue: queued commands, and commands in comments."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Final

from kova.commands.comment import CommentJob, Verb
from kova.shared.exceptions import MalformedMessageError
from kova.shared.message import ID_PATTERN, VERSION, parse_message
from kova.shared.repository import FULL_NAME_PATTERN

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


def encode_command_job(command_id: str) -> str:
    """Return the message for the command queue."""
    body = {"version": VERSION, "kind": "command", "command_id": command_id}
    return json.dumps(body, separators=(",", ":"))


def decode_command_job(body: str) -> str:
    """Return the command's id of a message of the command queue.

    Raises:
        MalformedMessageError: it is another message; trying again will not help.
    """
    message = parse_message(body, "command")
    command_id = message.get("command_id")
    if not isinstance(command_id, str) or not ID_PATTERN.fullmatch(command_id):
        raise MalformedMessageError("The queue message names no command.")
    return command_id


def encode_comment_job(job: CommentJob) -> str:
    """Return the message of a command in a comment, also for the command queue."""
    body = {key: value for key, value in dataclasses.asdict(job).items() if value is not None}
    return json.dumps({"version": VERSION, "kind": "comment", **body}, separators=(",", ":"))


def decode_command_message(body: str) -> str | CommentJob:
    """Return the job of a message of the command queue: a command's id, or a comment's command.

    Raises:
        MalformedMessageError: it is neither.
    """
    try:
        return decode_command_job(body)
    except MalformedMessageError:
        message = parse_message(body, "comment")
    values = {key: value for key, value in message.items() if key in _COMMENT_FIELDS}
    for key, kind in _COMMENT_FIELDS.items():
        optional = key == "installation_id" and key not in values
        if not optional and type(values.get(key)) is not kind:
            raise MalformedMessageError(f"The queue message's field {key} has the wrong type.")
    if not re.fullmatch(FULL_NAME_PATTERN, values["repository"]) or values["verb"] not in set(Verb):
        raise MalformedMessageError
    return CommentJob(**{"installation_id": None, **values, "verb": Verb(values["verb"])})
