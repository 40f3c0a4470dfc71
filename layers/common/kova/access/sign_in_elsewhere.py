"""Sign in with an account elsewhere: to the provider and back, by the code flow of OpenID Connect.

https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth, with PKCE (RFC 7636).
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from kova.access.identity import GITHUB, SignInAttempt, SignInRefusedError
from kova.access.person import OpenedSession, new_token
from kova.access.sign_in_rules import admit_person

if TYPE_CHECKING:
    from kova.access.ports import IdentityProvider, OneTimeValues
    from kova.access.sign_in import SignIn
    from kova.access.sign_in_rules import SignInRules

ATTEMPT_LIFETIME: Final = timedelta(minutes=10)
_GITHUB_LIFETIME: Final = timedelta(hours=8)
"""As long as a token of a person lasts at GitHub."""
_KIND: Final = "sign-in"
_MOST_CHARACTERS: Final = 2_048
_BEGIN_ANEW: Final = (
    "This sign-in was not begun in this browser, or over ten minutes ago. Begin anew."
)


@dataclass(frozen=True, kw_only=True)
class BegunSignIn:
    """Where the browser goes, and the secret that it keeps until it comes back."""

    address: str
    browser_secret: str


@dataclass(frozen=True, kw_only=True)
class EndedSignIn:
    """The new session, and the path of our own where the person goes on."""

    opened: OpenedSession
    next_path: str


class SignInElsewhere:
    """Sends people to a provider, and opens a session when they come back."""

    def __init__(
        self,
        *,
        providers: Mapping[str, IdentityProvider],
        attempts: OneTimeValues,
        sign_in: SignIn,
        rules: SignInRules,
    ) -> None:
        self._providers = providers
        self._attempts = attempts
        self._sign_in = sign_in
        self._rules = rules

    async def begin(self, provider: str, redirect_uri: str, next_path: str) -> BegunSignIn:
        """Begin a sign-in; it ends after ATTEMPT_LIFETIME.

        Raises:
            ProviderUnavailableError: the provider does not answer.
        """
        browser_secret = new_token()
        attempt = SignInAttempt(
            state=new_token(),
            nonce=new_token(),
            verifier=new_token(),
            redirect_uri=redirect_uri,
        )
        address = await self._providers[provider].authorization_address(attempt)
        values = {
            "provider": provider,
            "nonce": attempt.nonce,
            "verifier": attempt.verifier,
            "redirect_uri": redirect_uri,
            "browser": browser_secret,
            "next": next_path,
        }
        await self._attempts.keep(_KIND, attempt.state, values, ATTEMPT_LIFETIME)
        return BegunSignIn(address=address, browser_secret=browser_secret)

    async def finish(
        self, provider: str, query: Mapping[str, str], browser_secret: str, browser: str
    ) -> EndedSignIn:
        """Return the session of somebody whom the provider sends back.

        Args:
            provider: whose callback was called.
            query: of the callback.
            browser_secret: what the browser kept.
            browser: what the browser says that it is.

        Raises:
            SignInRefusedError: anything is not as it should be; the message says what to do.
            ProviderUnavailableError: the provider does not answer.
        """
        state, code = query.get("state", ""), query.get("code", "")
        values = None
        if state and len(state) <= _MOST_CHARACTERS:
            # Taken, whatever comes next: an attempt has one answer.
            values = await self._attempts.take(_KIND, state)
        if values is None or values["provider"] != provider:
            raise SignInRefusedError(_BEGIN_ANEW)
        if not browser_secret or not _is_same(values["browser"], browser_secret):
            raise SignInRefusedError(_BEGIN_ANEW)
        if query.get("error"):
            raise SignInRefusedError("The sign-in was cancelled. Begin anew when you want to.")
        if not code or len(code) > _MOST_CHARACTERS:
            raise SignInRefusedError
        attempt = SignInAttempt(
            state=state,
            nonce=values["nonce"],
            verifier=values["verifier"],
            redirect_uri=values["redirect_uri"],
        )
        proven = await self._providers[provider].identify(code, attempt)
        admit_person(proven.identity, self._rules)
        lifetime = {"lifetime": _GITHUB_LIFETIME} if provider == GITHUB else {}
        opened = await self._sign_in.begin(
            proven.identity, browser, provider_token=proven.token, **lifetime
        )
        return EndedSignIn(opened=opened, next_path=values["next"])


def _is_same(expected: str, presented: str) -> bool:
    return hmac.compare_digest(expected.encode(), presented.encode("utf-8", "surrogatepass"))
