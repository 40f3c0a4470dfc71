"""Admit a caller: a valid API key with the scope, within its rate limit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from kova.access.admission import Admission, Caller, Credentials
from kova.access.api_key import ApiKey, Scope, hash_secret, secret_matches, split_key
from kova.access.ports import Admissions, ApiKeyStore
from kova.access.rate_limit import Policy, Verdict
from kova.shared.exceptions import ForbiddenError, RateLimitedError, UnauthenticatedError


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The policies: one for each kind of call by a key, and one for strangers by address."""

    by_scope: Mapping[Scope, Policy]
    anonymous: Policy


class Admit:
    """Turns the text of a key into the key, or refuses."""

    def __init__(
        self,
        *,
        keys: ApiKeyStore,
        admissions: Admissions,
        limits: Limits,
        now: Callable[[], datetime],
    ) -> None:
        """Take where keys are kept, what counts calls, the limits and a clock."""
        self._keys = keys
        self._admissions = admissions
        self._limits = limits
        self._now = now

    async def run(
        self,
        plaintext: str | None,
        scope: Scope,
        address: str,
        told: Callable[[Verdict], None] = lambda _: None,
    ) -> ApiKey:
        """Return the key.

        Args:
            plaintext: what the caller presents as a key.
            scope: what the call needs.
            address: where the call comes from.
            told: called with what the limit says, also when the call is refused.

        Raises:
            UnauthenticatedError: no key, or one that is unknown, expired or revoked.
            ForbiddenError: the key lacks the scope.
            RateLimitedError: too many calls.
        """
        parts = split_key(plaintext or "")
        caller = self._caller(parts, scope, address)
        admission = await self._admissions.admit(caller)
        if admission.verdict is None:
            admission = await self._looked_up(caller)
        assert admission.verdict is not None
        told(admission.verdict)
        _refuse_excess(admission.verdict)
        key = admission.key
        # This comparison, in constant time, is the one that decides.
        if key is None or parts is None or not secret_matches(parts[1], key.secret_hash):
            raise UnauthenticatedError
        if not key.usable(self._now()):
            raise UnauthenticatedError
        if scope not in key.scopes:
            raise ForbiddenError(f"The API key lacks the scope {scope}.", scope=scope.value)
        return key

    def _caller(self, parts: tuple[str, str] | None, scope: Scope, address: str) -> Caller:
        credentials = None
        if parts is not None:
            credentials = Credentials(prefix=parts[0], secret_hash=hash_secret(parts[1]))
        return Caller(
            address=address,
            credentials=credentials,
            policy=self._limits.by_scope[scope],
            anonymous=self._limits.anonymous,
        )

    async def _looked_up(self, caller: Caller) -> Admission:
        assert caller.credentials is not None
        key = await self._keys.use(caller.credentials.prefix, self._now())
        if key is None or key.secret_hash != caller.credentials.secret_hash:
            stranger = Caller(
                address=caller.address,
                credentials=None,
                policy=caller.policy,
                anonymous=caller.anonymous,
            )
            return await self._admissions.admit(stranger)
        return await self._admissions.admit(caller, remember=key)


def _refuse_excess(verdict: Verdict) -> None:
    if not verdict.allowed:
        raise RateLimitedError(retry_after=verdict.reset_seconds)
