"""The wire of SQS: errors, checksums, what a message may hold.

See https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
from typing import Any, Final

ACCOUNT: Final = "000000000000"
MESSAGE_LIMIT: Final = 1_048_576
# The characters of XML 1.0: SQS refuses every other one.
_RECEIPT: Final = re.compile(r"[0-9a-f-]{36}")
_BAD: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class SqsError(Exception):
    """An error that the client sees, with its name in the JSON protocol and in the older one."""

    def __init__(self, name: str, message: str, query_name: str | None = None) -> None:
        """Take both names and the message."""
        super().__init__(message)
        self.name = name
        self.message = message
        self.query_name = query_name or name


def no_queue() -> SqsError:
    """There is no such queue."""
    return SqsError(
        "QueueDoesNotExist",
        "The specified queue does not exist.",
        "AWS.SimpleQueueService.NonExistentQueue",
    )


def invalid(message: str) -> SqsError:
    """A parameter has a value that is not allowed."""
    return SqsError("InvalidParameterValue", message)


def text(data: dict[str, Any], key: str) -> str:
    """Return a needed string parameter."""
    value = data.get(key)
    if not isinstance(value, str) or not value:
        raise SqsError("MissingParameter", f"The request must contain the parameter {key}.")
    return value


def number(data: dict[str, Any], key: str, low: int, high: int, default: int) -> int:
    """Return an integer parameter within its bounds."""
    value = data.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise invalid(f"Value {value} for parameter {key} is invalid. Must be {low} to {high}.")
    return value


def entries(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the entries of a batch, checked as SQS checks them."""
    found = data.get("Entries")
    if not isinstance(found, list) or not found:
        raise SqsError(
            "EmptyBatchRequest",
            "There should be at least one entry in the request.",
            "AWS.SimpleQueueService.EmptyBatchRequest",
        )
    if len(found) > 10:  # noqa: PLR2004 (SQS's own bound)
        raise SqsError(
            "TooManyEntriesInBatchRequest",
            "Maximum number of entries per request are 10.",
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
        )
    if not all(isinstance(one, dict) for one in found):
        raise invalid("Each entry of a batch is an object.")
    ids = [text(one, "Id") for one in found]
    if len(set(ids)) != len(ids):
        raise SqsError(
            "BatchEntryIdsNotDistinct",
            "Two or more batch entries in the request have the same Id.",
            "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
        )
    return found


def check_body(body: str) -> None:
    """Refuse what SQS refuses in a message."""
    if _BAD.search(body):
        raise SqsError(
            "InvalidMessageContents", "The message contains characters outside the allowed set."
        )
    if len(body.encode()) > MESSAGE_LIMIT:
        raise invalid(f"Message must be shorter than {MESSAGE_LIMIT} bytes.")


def check_batch(found: list[dict[str, Any]]) -> None:
    """Refuse a batch whose bodies together are longer than one message may be."""
    if sum(len(str(one.get("MessageBody", "")).encode()) for one in found) > MESSAGE_LIMIT:
        raise SqsError(
            "BatchRequestTooLong",
            f"Batch requests cannot be longer than {MESSAGE_LIMIT} bytes.",
            "AWS.SimpleQueueService.BatchRequestTooLong",
        )


def receipt(data: dict[str, Any]) -> str:
    """Return a receipt handle that at least looks like one of ours."""
    value = text(data, "ReceiptHandle")
    if not _RECEIPT.fullmatch(value):
        raise SqsError("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
    return value


def dead_letters(policy: str) -> str:
    """Return the name of the queue that a RedrivePolicy names, checked as SQS checks it."""
    try:
        known = json.loads(policy)
        count = int(known["maxReceiveCount"])
        name = str(known["deadLetterTargetArn"]).rsplit(":", 1)[1]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as exc:
        raise invalid("Value for parameter RedrivePolicy is invalid.") from exc
    if not 1 <= count <= 1_000:  # noqa: PLR2004 (SQS's own bounds)
        raise invalid("Value for parameter RedrivePolicy is invalid: maxReceiveCount is 1 to 1000.")
    return name


def wanted(name: str, patterns: list[str]) -> bool:
    """Tell whether a message attribute was asked for: by name, by prefix, or all of them."""
    return any(
        one in {"All", ".*", name} or (one.endswith(".*") and name.startswith(one[:-2]))
        for one in patterns
    )


def md5(data: str) -> str:
    """Return the checksum of a body."""
    return hashlib.md5(data.encode(), usedforsecurity=False).hexdigest()


def attributes_md5(attributes: dict[str, Any]) -> str | None:
    """Return the checksum of message attributes, as the developer guide defines it."""
    if not attributes:
        return None
    digest = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        kind = str(attributes[name].get("DataType", ""))
        digest.update(_sized(name.encode()) + _sized(kind.encode()))
        if kind.startswith("Binary"):
            value = base64.b64decode(attributes[name].get("BinaryValue", ""))
            digest.update(b"\x02" + _sized(value))
        else:
            digest.update(b"\x01" + _sized(str(attributes[name].get("StringValue", "")).encode()))
    return digest.hexdigest()


def _sized(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data
