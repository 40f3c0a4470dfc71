"""Authenticate a caller by API key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from kova.domain.api_key import ApiKey, Scope, secret_matches, split_key
from kova.domain.errors import ForbiddenError, UnauthenticatedError
from kova.ports.stores import ApiKeyStore


class Authenticate:
    """Turns the text of a key into the key, or refuses."""

    def __init__(self, *, keys: ApiKeyStore, now: Callable[[], datetime]) -> None:
        """Take where keys are kept and a clock."""
        self._keys = keys
        self._now = now

    async def run(self, plaintext: str | None, scope: Scope) -> ApiKey:
        """Return the key.

        Raises:
            UnauthenticatedError: no key, or one that is unknown, expired or revoked.
            ForbiddenError: the key lacks the scope.
        """
        parts = split_key(plaintext or "")
        if parts is None:
            raise UnauthenticatedError
        prefix, secret = parts
        key = await self._keys.by_prefix(prefix)
        # An unknown prefix costs the same comparison as a known one.
        matches = secret_matches(secret, key.secret_hash if key else b"\0" * 32)
        if key is None or not matches or not key.usable(self._now()):
            raise UnauthenticatedError
        if scope not in key.scopes:
            raise ForbiddenError(f"The API key lacks the scope {scope}.", scope=scope.value)
        return key
