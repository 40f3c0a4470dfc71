"""What Redis holds counts only with a code (MAC) that Redis cannot make.

Whoever writes to Redis could otherwise make a key, a session or an answer of their own. The code
is HMAC-SHA256 (RFC 2104) over the name and the text: a record counts under its own name alone.
Nobody is kept from reading a record, from deleting it, or from putting back an earlier one under
the same name: records that must not come back say until when they count.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Final

_DIGITS: Final = 64


class Seal:
    """Closes texts, and opens those that were closed with the same key."""

    def __init__(self, key: str | None) -> None:
        """Without a key, what this object closes is opened by it alone."""
        self._key = key.encode() if key else secrets.token_bytes(32)

    def close(self, name: str, text: str) -> str:
        """Return what is stored under a name: the code in hexadecimal digits, then the text."""
        return self._code(name, text) + text

    def open(self, name: str, record: bytes | str | None) -> str | None:
        """Return the text that was stored under a name.

        Returns:
            None where there is none, or where it was not closed with this key for this name.
        """
        if record is None:
            return None
        stored = record.decode("utf-8", "replace") if isinstance(record, bytes) else record
        code, text = stored[:_DIGITS], stored[_DIGITS:]
        # As octets: a code from outside may hold any character.
        valid = hmac.compare_digest(code.encode(), self._code(name, text).encode())
        return text if valid else None

    def _code(self, name: str, text: str) -> str:
        message = f"{len(name)}:{name}{text}".encode("utf-8", "replace")
        return hmac.new(self._key, message, "sha256").hexdigest()
