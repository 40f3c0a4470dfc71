"""Idempotency-Key: the same request twice is done once and answered twice.

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
    """A request by its key. `operation` is method and path, `request_hash` what was asked."""

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
class Claim:
    """What the key stands for now.

    Attributes:
        id: of the key's row; the same for every attempt, so that work can be named by it.
        mine: this request does the work.
        answer: the first answer; None while somebody else is at it.
    """

    id: str
    mine: bool
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
    """Return what tells two requests of one operation apart."""
    return hashlib.sha256(len(query).to_bytes(4) + query + body).digest()


def is_final(status: int) -> bool:
    """Tell whether an answer stands: one that asks to come back later does not."""
    return status < 500 and status not in {401, 403, 429}  # noqa: PLR2004 (the statuses' names)
