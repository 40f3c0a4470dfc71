"""Google's OpenID Connect: who somebody is, by a token that is checked.

https://developers.google.com/identity/openid-connect/openid-connect. The token's signature and
claims are checked by PyJWT (docs/adr/0022).
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from typing import Any, Final

import httpx
import jwt

from kova.access.identity import (
    GOOGLE,
    Identity,
    IdentityTokenError,
    ProvenIdentity,
    ProviderUnavailableError,
    SignInAttempt,
    SignInRefusedError,
)
from kova.adapters.google_oauth import CACHE_SECONDS, GoogleOAuth, error_code

_ALGORITHMS: Final = ("RS256", "ES256")
"""Of public keys alone: with HS256 a public key would be a secret, and `none` is none."""
_LEEWAY_SECONDS: Final = 30
_LEAST_PAUSE_SECONDS: Final = 30.0
"""Between two looks for a key that is not known: tokens name keys, and anybody makes tokens."""


class GoogleSignIn:
    """Implements access.ports.IdentityProvider."""

    def __init__(
        self,
        oauth: GoogleOAuth,
        *,
        hosted_domain: str | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`hosted_domain` is only asked for here; whoever uses the identity checks it."""
        self._oauth = oauth
        self._hosted_domain = hosted_domain
        self._clock = clock
        self._keys: tuple[float, jwt.PyJWKSet] | None = None

    async def authorization_address(self, attempt: SignInAttempt) -> str:
        """Return Google's page."""
        parameters = {
            "scope": "openid email profile",
            "nonce": attempt.nonce,
            "prompt": "select_account",
        }
        if self._hosted_domain is not None:
            parameters["hd"] = self._hosted_domain
        return await self._oauth.authorization_address(
            redirect_uri=attempt.redirect_uri,
            state=attempt.state,
            verifier=attempt.verifier,
            parameters=parameters,
        )

    async def identify(self, code: str, attempt: SignInAttempt) -> ProvenIdentity:
        """Exchange the code and check the token."""
        answer = await self._exchange(code, attempt)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise IdentityTokenError
        claims = await self._check(token)
        nonce = claims.get("nonce")
        if not isinstance(nonce, str) or not _is_same(nonce, attempt.nonce):
            raise IdentityTokenError
        address, name = claims.get("email"), claims.get("name")
        if not isinstance(address, str) or "@" not in address:
            raise IdentityTokenError
        domain = claims.get("hd")
        identity = Identity(
            provider=GOOGLE,
            actor=f"{GOOGLE}:{address.lower()}",
            name=name if isinstance(name, str) else address,
            address_verified=claims.get("email_verified") is True
            and _is_authority(address, domain),
            hosted_domain=domain.lower() if isinstance(domain, str) else None,
        )
        return ProvenIdentity(identity=identity)

    async def _exchange(self, code: str, attempt: SignInAttempt) -> dict[str, Any]:
        status, answer = await self._oauth.exchange(
            code=code, redirect_uri=attempt.redirect_uri, verifier=attempt.verifier
        )
        if status == httpx.codes.OK:
            return answer
        if answer.get("error") == "invalid_grant":
            raise SignInRefusedError(
                "Google does not accept this sign-in: it was used before, or it is too old. Begin"
                " anew."
            )
        raise ProviderUnavailableError(f"Google refuses Kova's sign-in: {error_code(answer)}.")

    async def _check(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in _ALGORITHMS:
                raise IdentityTokenError
            key = await self._key(str(header.get("kid")))
            # With a PyJWK, PyJWT also refuses a token of another algorithm than the key's.
            claims = jwt.decode(
                token,
                key,
                algorithms=list(_ALGORITHMS),
                audience=self._oauth.client_id,
                issuer=self._oauth.issuer,
                leeway=_LEEWAY_SECONDS,
                options={
                    "require": ["iss", "aud", "sub", "exp", "iat", "nonce"],
                    "strict_aud": True,
                },
            )
        except (jwt.InvalidTokenError, jwt.PyJWKError, ValueError, RecursionError) as exc:
            raise IdentityTokenError from exc
        if claims.get("azp", self._oauth.client_id) != self._oauth.client_id:
            raise IdentityTokenError
        return claims

    async def _key(self, kid: str) -> jwt.PyJWK:
        """Return a key of Google; keys change, so an unknown one is looked for once more."""
        now = self._clock()
        read_at, keys = self._keys or (-CACHE_SECONDS, None)
        for key in keys or ():
            if key.key_id == kid and now < read_at + CACHE_SECONDS:
                return key
        if keys is not None and now < read_at + _LEAST_PAUSE_SECONDS:
            raise IdentityTokenError
        status, answer = await self._oauth.ask("GET", await self._oauth.endpoint("jwks_uri"))
        if status != httpx.codes.OK:
            raise ProviderUnavailableError
        try:
            keys = jwt.PyJWKSet.from_dict(answer)
        except jwt.PyJWTError as exc:
            raise ProviderUnavailableError("Google's keys cannot be read.") from exc
        self._keys = (now, keys)
        for key in keys:
            if key.key_id == kid:
                return key
        raise IdentityTokenError


def _is_authority(address: str, domain: object) -> bool:
    """True if Google itself runs the mailbox.

    Of others it verified the address once, when the account was made: somebody may have left the
    company since. https://developers.google.com/identity/gsi/web/guides/verify-google-id-token
    """
    return isinstance(domain, str) or address.lower().endswith("@gmail.com")


def _is_same(presented: str, expected: str) -> bool:
    return hmac.compare_digest(presented.encode("utf-8", "surrogatepass"), expected.encode())
