"""The messages of the scan queue."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any, Final

from kova.scans.scan import ScanTarget, Trigger
from kova.shared.exceptions import MalformedMessageError
from kova.shared.message import VERSION, parse_message
from kova.shared.repository import FULL_NAME_PATTERN

_FIELDS: Final = {field.name for field in dataclasses.fields(ScanTarget)}
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
    message = parse_message(body, "scan")
    values = {key: value for key, value in message.items() if key in _FIELDS}
    for key, value in values.items():
        _check(key, value)
    try:
        return ScanTarget(**{**values, "trigger": Trigger(values.get("trigger", ""))})
    except (TypeError, ValueError) as exc:
        raise MalformedMessageError from exc


def _check(key: str, value: Any) -> None:
    kind = int if key in _INTEGERS else bool if key in _BOOLEANS else str
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise MalformedMessageError(f"The queue message's field {key} has the wrong type.")
    if key == "repository" and not re.fullmatch(FULL_NAME_PATTERN, str(value)):
        raise MalformedMessageError("The queue message names no repository.")
