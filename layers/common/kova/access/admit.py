"""Admit a caller: a valid API key with the scope, within its rate limit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from kova.access.admission import Admission, Caller, Credentials
from kova.access.api_key import ApiKey, Scope, hash_secret, secret_matches, split_key
from kova.access.first_calls import FirstCalls
from kova.access.ports import Admissions, ApiKeyStore
from kova.access.rate_limit import Policy, Verdict
from kova.shared.exceptions import ForbiddenError, RateLimitedError, UnauthenticatedError


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The rate limits: one per scope for keys, and one per address for strangers."""

    by_scope: Mapping[Scope, Policy]
    anonymous: Policy


class Admit:
    """Checks a presented key, its scope and the rate limit."""

    def __init__(
        self,
        *,
        keys: ApiKeyStore,
        admissions: Admissions,
        limits: Limits,
        now: Callable[[], datetime],
    ) -> None:
        self._keys = keys
        self._admissions = admissions
        self._limits = limits
        self._now = now
        self._first_calls = FirstCalls()

    async def admit(
        self,
        plaintext: str | None,
        scope: Scope,
        address: str,
        on_verdict: Callable[[Verdict], None] = lambda _: None,
    ) -> ApiKey:
        """Return the caller's key.

        Args:
            plaintext: the key that the caller presents.
            scope: the scope that the call needs.
            address: the network address of the caller.
            on_verdict: called with the rate limit's verdict, also when the call is refused.

        Raises:
            UnauthenticatedError: no key, or one that is unknown, expired or revoked.
            ForbiddenError: the key lacks the scope.
            RateLimitedError: too many calls.
        """
        parts = split_key(plaintext or "")
        caller = self._caller(parts, scope, address)
        async with self._first_calls.turn(caller.credentials):
            admission = await self._admissions.admit(caller)
            if admission.verdict is None:
                admission = await self._look_up(caller, admission.look_up)
            if admission.key is not None and caller.credentials is not None:
                self._first_calls.note_valid(caller.credentials)
        assert admission.verdict is not None
        on_verdict(admission.verdict)
        _refuse_excess(admission.verdict)
        key = admission.key
        # Only this comparison decides; it takes constant time.
        if key is None or parts is None or not secret_matches(parts[1], key.secret_hash):
            raise UnauthenticatedError
        if not key.is_usable(self._now()):
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

    async def _look_up(self, caller: Caller, counted: Verdict | None) -> Admission:
        """Look a key up; `counted` is the verdict of the address's limit, if it counts there.

        Whoever guesses keys reaches the database only within that limit.
        """
        credentials = caller.credentials
        assert credentials is not None
        is_refused = counted is not None and not counted.allowed
        # While Redis is away, nobody else remembers that a key was valid.
        if is_refused and not self._first_calls.is_valid(credentials):
            return Admission(key=None, verdict=counted)
        key = await self._keys.use(credentials.prefix, credentials.secret_hash, self._now())
        if key is None:
            if counted is not None:
                return Admission(key=None, verdict=counted)
            stranger = Caller(
                address=caller.address,
                credentials=None,
                policy=caller.policy,
                anonymous=caller.anonymous,
            )
            return await self._admissions.admit(stranger)
        gives_back = counted is not None and counted.allowed
        return await self._admissions.admit(caller, remember=key, gives_back=gives_back)


def _refuse_excess(verdict: Verdict) -> None:
    if not verdict.allowed:
        raise RateLimitedError(retry_after=verdict.reset_seconds)


async def admit_attempt(
    admissions: Admissions, policy: Policy, address: str, on_verdict: Callable[[Verdict], None]
) -> None:
    """Count an attempt of a stranger, by address.

    Raises:
        RateLimitedError: too many of them.
    """
    caller = Caller(address=address, credentials=None, policy=policy, anonymous=policy)
    admission = await admissions.admit(caller)
    assert admission.verdict is not None
    on_verdict(admission.verdict)
    _refuse_excess(admission.verdict)
