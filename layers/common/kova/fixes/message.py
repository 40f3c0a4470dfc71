"""The messages of the fix queue."""

from __future__ import annotations

import json

from kova.shared.exceptions import MalformedMessageError
from kova.shared.message import ID_PATTERN, VERSION, parse_message


def encode_publish_job(fix_id: str) -> str:
    """Return the message for the fix queue."""
    body = {"version": VERSION, "kind": "publish", "fix_id": fix_id}
    return json.dumps(body, separators=(",", ":"))


def decode_publish_job(body: str) -> str:
    """Read a message of the fix queue and return the fix's id.

    Raises:
        MalformedMessageError: it is not one; trying again will not help.
    """
    fix_id = parse_message(body, "publish").get("fix_id")
    if not isinstance(fix_id, str) or not ID_PATTERN.fullmatch(fix_id):
        raise MalformedMessageError("The queue message names no fix.")
    return fix_id
