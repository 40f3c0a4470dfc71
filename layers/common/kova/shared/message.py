"""The messages on the queues: small typed JSON with a version."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from kova.shared.exceptions import MalformedMessageError

VERSION: Final = 1
ID_PATTERN: Final = re.compile(r"[0-9a-f-]{36}")


def parse_message(body: str, kind: str) -> dict[str, Any]:
    """Return the members of a message of this kind.

    Raises:
        MalformedMessageError: it is another message; trying again will not help.
    """
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise MalformedMessageError from exc
    if not isinstance(message, dict) or message.get("kind") != kind:
        raise MalformedMessageError
    if message.get("version") != VERSION:
        raise MalformedMessageError("The queue message has a version that is not known.")
    return message


def as_new_message(body: str) -> str:
    """Return a message as somebody's new wish: without what it says of earlier attempts.

    What is no message of ours is returned as it is.
    """
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return body
    if not isinstance(message, dict) or "retry" not in message:
        return body
    return json.dumps(
        {key: value for key, value in message.items() if key != "retry"}, separators=(",", ":")
    )
