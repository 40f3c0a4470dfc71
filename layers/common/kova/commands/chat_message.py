"""The messages of the command queue that come from a chat."""

from __future__ import annotations

import dataclasses
import json
from typing import Final

from kova.commands.chat import ChatJob, ChatKind
from kova.shared.exceptions import MalformedMessageError
from kova.shared.message import VERSION, parse_message

_FIELDS: Final = tuple(field.name for field in dataclasses.fields(ChatJob))


def encode_chat_job(job: ChatJob) -> str:
    """Return the message for the command queue."""
    body = {name: value for name, value in dataclasses.asdict(job).items() if value}
    asked = body.pop("kind")
    return json.dumps({"version": VERSION, "kind": "chat", "asked": asked, **body})


def decode_chat_job(body: str) -> ChatJob:
    """Return the job of a message of the command queue.

    Raises:
        MalformedMessageError: it is another message; trying again will not help.
    """
    message = parse_message(body, "chat")
    values = {name: message[name] for name in _FIELDS if name in message and name != "kind"}
    known = message.get("asked") in set(ChatKind)
    if not known or not all(isinstance(value, str) for value in values.values()):
        raise MalformedMessageError
    try:
        return ChatJob(kind=ChatKind(message["asked"]), **values)
    except TypeError as exc:
        raise MalformedMessageError from exc
