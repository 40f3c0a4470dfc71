"""People in browsers, put together: their sessions, and how they sign in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final

from kova.access.admission import Caller
from kova.access.rate_limit import Policy, Verdict
from kova.access.sign_in import SignIn
from kova.bootstrap.access import AccessRoot
from kova.bootstrap.core import Core
from kova.bootstrap.settings import SettingsError
from kova.shared.exceptions import RateLimitedError

if TYPE_CHECKING:
    from kova.web.pages.sign_in import SignInProvider

_ATTEMPTS: Final = Policy(name="sign-in", quota=10)


class PeopleRoot:
    """Implements web.services.PeopleServices."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._access = AccessRoot(core)

    @cached_property
    def sign_in(self) -> SignIn:
        """The sessions of people; SettingsError without Redis."""
        if self._core.redis is None:
            raise SettingsError("Signing in needs KOVA_REDIS_URL: sessions are there.")
        from kova.adapters.redis.people import RedisOneTimeValues, RedisPeopleSessions

        return SignIn(
            sessions=RedisPeopleSessions(self._core.redis),
            links=RedisOneTimeValues(self._core.redis),
        )

    @property
    def providers(self) -> Sequence[SignInProvider]:
        """Where people can prove who they are."""
        return ()

    async def admit_attempt(self, address: str, on_verdict: Callable[[Verdict], None]) -> None:
        """Count an attempt to sign in, by address.

        Raises:
            RateLimitedError: too many of them.
        """
        caller = Caller(address=address, credentials=None, policy=_ATTEMPTS, anonymous=_ATTEMPTS)
        admission = await self._access.admissions.admit(caller)
        assert admission.verdict is not None
        on_verdict(admission.verdict)
        if not admission.verdict.allowed:
            raise RateLimitedError(retry_after=admission.verdict.reset_seconds)
