"""The messages of the command queue: commands for later, commands in comments."""

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
    """Read a message of the command queue and return the command's id.

    Raises:
        MalformedMessageError: it is not one; trying again will not help.
    """
    message = parse_message(body, "command")
    command_id = message.get("command_id")
    if not isinstance(command_id, str) or not ID_PATTERN.fullmatch(command_id):
        raise MalformedMessageError("The queue message names no command.")
    return command_id


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
        message = parse_message(body, "comment")
    values = {key: one for key, one in message.items() if key in _COMMENT_FIELDS}
    for key, kind in _COMMENT_FIELDS.items():
        optional = key == "installation_id" and key not in values
        if not optional and type(values.get(key)) is not kind:
            raise MalformedMessageError(f"The queue message's field {key} has the wrong type.")
    if not re.fullmatch(FULL_NAME_PATTERN, values["repository"]) or values["verb"] not in set(Verb):
        raise MalformedMessageError
    return CommentJob(**{"installation_id": None, **values, "verb": Verb(values["verb"])})
