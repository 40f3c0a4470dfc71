"""The protocol of SQS: errors, checksums, parameters and their limits.

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
_RECEIPT: Final = re.compile(r"[0-9a-f-]{36}")
# Every character outside XML 1.0, which SQS refuses.
_BAD: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class SqsError(Exception):
    """An error of the API, with its names in the JSON protocol and in the query protocol."""

    def __init__(self, name: str, message: str, query_name: str | None = None) -> None:
        super().__init__(message)
        self.name = name
        self.message = message
        self.query_name = query_name or name


def no_such_queue() -> SqsError:
    """Return the error about a queue that does not exist."""
    return SqsError(
        "QueueDoesNotExist",
        "The specified queue does not exist.",
        "AWS.SimpleQueueService.NonExistentQueue",
    )


def invalid_value(message: str) -> SqsError:
    """Return the error about a parameter's value."""
    return SqsError("InvalidParameterValue", message)


def read_text(parameters: dict[str, Any], key: str) -> str:
    """Return a required string parameter."""
    value = parameters.get(key)
    if not isinstance(value, str) or not value:
        raise SqsError("MissingParameter", f"The request must contain the parameter {key}.")
    return value


def read_number(parameters: dict[str, Any], key: str, low: int, high: int, default: int) -> int:
    """Return an integer parameter within its bounds."""
    value = parameters.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise invalid_value(
            f"Value {value} for parameter {key} is invalid. Must be {low} to {high}."
        )
    return value


def read_batch(parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the entries of a batch, after the checks of SQS."""
    batch = parameters.get("Entries")
    if not isinstance(batch, list) or not batch:
        raise SqsError(
            "EmptyBatchRequest",
            "There should be at least one entry in the request.",
            "AWS.SimpleQueueService.EmptyBatchRequest",
        )
    if len(batch) > 10:  # noqa: PLR2004 (SQS's own bound)
        raise SqsError(
            "TooManyEntriesInBatchRequest",
            "Maximum number of entries per request are 10.",
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
        )
    if not all(isinstance(batch_entry, dict) for batch_entry in batch):
        raise invalid_value("Each entry of a batch must be an object.")
    ids = [read_text(batch_entry, "Id") for batch_entry in batch]
    if len(set(ids)) != len(ids):
        raise SqsError(
            "BatchEntryIdsNotDistinct",
            "Two or more batch entries in the request have the same Id.",
            "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
        )
    return batch


def check_body(body: str) -> None:
    """Raise the error of SQS if a message's body is not allowed."""
    if _BAD.search(body):
        raise SqsError(
            "InvalidMessageContents", "The message contains characters outside the allowed set."
        )
    if len(body.encode()) > MESSAGE_LIMIT:
        raise invalid_value(f"Message must be shorter than {MESSAGE_LIMIT} bytes.")


def check_batch(batch: list[dict[str, Any]]) -> None:
    """Raise an error if the bodies of a batch exceed the limit of one message together."""
    if (
        sum(len(str(batch_entry.get("MessageBody", "")).encode()) for batch_entry in batch)
        > MESSAGE_LIMIT
    ):
        raise SqsError(
            "BatchRequestTooLong",
            f"Batch requests cannot be longer than {MESSAGE_LIMIT} bytes.",
            "AWS.SimpleQueueService.BatchRequestTooLong",
        )


def read_receipt(parameters: dict[str, Any]) -> str:
    """Return the receipt handle; raise an error if this SQS cannot have issued it."""
    value = read_text(parameters, "ReceiptHandle")
    if not _RECEIPT.fullmatch(value):
        raise SqsError("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
    return value


def dead_letter_queue(policy: str) -> str:
    """Return the dead-letter queue of a RedrivePolicy, after the checks of SQS."""
    try:
        redrive = json.loads(policy)
        count = int(redrive["maxReceiveCount"])
        name = str(redrive["deadLetterTargetArn"]).rsplit(":", 1)[1]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as exc:
        raise invalid_value("Value for parameter RedrivePolicy is invalid.") from exc
    if not 1 <= count <= 1_000:  # noqa: PLR2004 (SQS's own bounds)
        raise invalid_value(
            "Value for parameter RedrivePolicy is invalid: maxReceiveCount is 1 to 1000."
        )
    return name


def is_requested(name: str, patterns: list[str]) -> bool:
    """True if an attribute is requested: by its name, by a prefix, or with all of them."""
    return any(
        pattern in {"All", ".*", name} or (pattern.endswith(".*") and name.startswith(pattern[:-2]))
        for pattern in patterns
    )


def md5(body: str) -> str:
    """Return the checksum of a body."""
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


def attributes_md5(attributes: dict[str, Any]) -> str | None:
    """Return the checksum of message attributes, as the developer guide defines it."""
    if not attributes:
        return None
    digest = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        kind = str(attributes[name].get("DataType", ""))
        digest.update(_with_length(name.encode()) + _with_length(kind.encode()))
        if kind.startswith("Binary"):
            value = base64.b64decode(attributes[name].get("BinaryValue", ""))
            digest.update(b"\x02" + _with_length(value))
        else:
            digest.update(
                b"\x01" + _with_length(str(attributes[name].get("StringValue", "")).encode())
            )
    return digest.hexdigest()


def _with_length(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content
