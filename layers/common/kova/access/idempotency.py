"""Idempotency-Key: a repeated request is not done again and gets the same answer.

See https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from kova.shared.exceptions import InvalidInputError

# The draft's syntax is a string in quotes; most clients send it bare.
KEY_PATTERN: Final = r'^(?:"[!#-\[\]-~]{1,255}"|[!#-~]{1,255})$'


@dataclass(frozen=True, kw_only=True)
class IdempotentRequest:
    """A request by its key. `operation` is method and path, `request_hash` of query and body."""

    api_key_id: str
    operation: str
    key: str
    request_hash: bytes


@dataclass(frozen=True, kw_only=True)
class StoredAnswer:
    """The first answer, as it was sent."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class IdempotencyClaim:
    """What is known of a request by its Idempotency-Key.

    Attributes:
        id: of the row; the same at every attempt, so that the work can be named by it.
        is_owner: this request does the work.
        answer: the first answer; None while another request does the work.
    """

    id: str
    is_owner: bool
    answer: StoredAnswer | None


def parse_key(header: str) -> str:
    """Return the key that an Idempotency-Key header holds.

    Raises:
        InvalidInputError: it is not 1 to 255 visible ASCII characters.
    """
    if not re.fullmatch(KEY_PATTERN, header):
        raise InvalidInputError(
            "Idempotency-Key has 1 to 255 visible ASCII characters.", field="Idempotency-Key"
        )
    return header.strip('"')


def hash_request(query: bytes, body: bytes) -> bytes:
    """Return a hash that differs for two different requests of one operation."""
    return hashlib.sha256(len(query).to_bytes(4) + query + body).digest()


def is_final(status: int) -> bool:
    """True if an answer is kept for repetitions; errors that may pass are not."""
    return status < 500 and status not in {401, 403, 429}  # noqa: PLR2004 (the statuses' names)
