"""People in browsers, put together: their sessions, and how they sign in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final

from kova.access.admit import admit_attempt
from kova.access.identity import GITHUB, GOOGLE
from kova.access.rate_limit import Policy, Verdict
from kova.access.sign_in import SignIn
from kova.access.sign_in_rules import SignInRules, rules_of
from kova.bootstrap.access import AccessRoot
from kova.bootstrap.core import Core, now
from kova.bootstrap.settings import SettingsError

if TYPE_CHECKING:
    from kova.access.confirm_access import ConfirmAccess
    from kova.access.ports import IdentityProvider
    from kova.access.sign_in_elsewhere import SignInElsewhere
    from kova.adapters.github.user_access import GitHubAccess
    from kova.adapters.redis.connection import Redis
    from kova.adapters.redis.people import RedisPeopleSessions
    from kova.web.pages.provider import SignInProvider

_ATTEMPTS: Final = Policy(name="sign-in", quota=30)
"""A sign-in takes two: a link's page and its button, or the way to a provider and back. A token
has 256 bits."""


class PeopleRoot:
    """Implements web.services.PeopleServices."""

    def __init__(self, core: Core, now: Callable[[], datetime] = now) -> None:
        self._core = core
        self._now = now
        self._access = AccessRoot(core)

    @cached_property
    def sign_in(self) -> SignIn:
        """The sessions of people; SettingsError without Redis."""
        from kova.adapters.redis.people import RedisOneTimeValues

        return SignIn(
            sessions=self._sessions,
            links=RedisOneTimeValues(self._redis),
            rules=self._rules,
            providers=[provider.id for provider in self.providers],
            confirm=lambda: self._confirm_access,
            now=self._now,
        )

    @cached_property
    def elsewhere(self) -> SignInElsewhere:
        """Signing in with an account elsewhere; SettingsError without Redis."""
        from kova.access.sign_in_elsewhere import SignInElsewhere
        from kova.adapters.redis.people import RedisOneTimeValues

        return SignInElsewhere(
            providers=self._identity_providers(),
            attempts=RedisOneTimeValues(self._redis),
            sign_in=self.sign_in,
            rules=self._rules,
        )

    @property
    def providers(self) -> Sequence[SignInProvider]:
        """Where people can prove who they are."""
        from kova.web.pages.provider import SignInProvider

        settings = self._core.settings.sign_in
        providers = []
        if settings.google_client_id:
            providers.append(SignInProvider(id=GOOGLE, name="Google"))
        if settings.github_client_id:
            providers.append(SignInProvider(id=GITHUB, name="GitHub"))
        return providers

    @property
    def public_url(self) -> str | None:
        """The address of Kova for people, where it is set."""
        return self._core.settings.public_url

    @property
    def _redis(self) -> Redis:
        if self._core.redis is None:
            raise SettingsError("Signing in needs KOVA_REDIS_URL: sessions are there.")
        return self._core.redis

    @cached_property
    def _sessions(self) -> RedisPeopleSessions:
        from kova.adapters.redis.people import RedisPeopleSessions

        return RedisPeopleSessions(self._redis, now=self._now)

    @cached_property
    def _rules(self) -> SignInRules:
        settings = self._core.settings.sign_in
        return SignInRules(
            admins=rules_of(settings.admins),
            members=rules_of(settings.members),
            viewers=rules_of(settings.viewers),
            hosted_domain=settings.google_hosted_domain,
        )

    @cached_property
    def _confirm_access(self) -> ConfirmAccess:
        # Only sessions by GitHub pay for it.
        from kova.access.confirm_access import ConfirmAccess
        from kova.adapters.token_seal import AesTokenSeal

        return ConfirmAccess(
            sessions=self._sessions,
            source=self._github_access,
            seal=AesTokenSeal(),
            rules=self._rules,
            now=self._now,
        )

    @cached_property
    def _github_access(self) -> GitHubAccess:
        from kova.adapters.github.user_access import GitHubAccess

        settings = self._core.settings
        return GitHubAccess(
            api_url=settings.github_api_url, owners=settings.owners, http=self._core.http
        )

    def _identity_providers(self) -> dict[str, IdentityProvider]:
        settings, http = self._core.settings, self._core.http
        sign_in = settings.sign_in
        providers: dict[str, IdentityProvider] = {}
        if sign_in.google_client_id and sign_in.google_client_secret:
            from kova.adapters.google_oauth import GoogleOAuth
            from kova.adapters.google_sign_in import GoogleSignIn

            oauth = GoogleOAuth(
                issuer=sign_in.google_issuer,
                client_id=sign_in.google_client_id,
                client_secret=sign_in.google_client_secret,
                http=http,
            )
            providers[GOOGLE] = GoogleSignIn(oauth, hosted_domain=sign_in.google_hosted_domain)
        if sign_in.github_client_id and sign_in.github_client_secret:
            from kova.adapters.github.sign_in import GitHubSignIn
            from kova.setup.manifest import web_address_of

            providers[GITHUB] = GitHubSignIn(
                web_url=settings.setup.github_web_url or web_address_of(settings.github_api_url),
                client_id=sign_in.github_client_id,
                client_secret=sign_in.github_client_secret,
                access=self._github_access,
                http=http,
            )
        return providers

    async def admit_attempt(self, address: str, on_verdict: Callable[[Verdict], None]) -> None:
        """Count an attempt to sign in, by address.

        Raises:
            RateLimitedError: too many of them.
        """
        await admit_attempt(self._access.admissions, _ATTEMPTS, address, on_verdict)
