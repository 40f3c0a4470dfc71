"""Google's OpenID Connect: discovery, the exchange of a code, and the token's check.

https://developers.google.com/identity/openid-connect/openid-connect. The token's signature and
claims are checked by PyJWT (docs/adr/0022).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import httpx
import jwt

from kova.access.identity import (
    GOOGLE,
    Identity,
    IdentityTokenError,
    ProviderUnavailableError,
    SignInAttempt,
    SignInRefusedError,
)
from kova.adapters.bounded_body import read_bounded
from kova.shared.json_text import parse_json

_ALGORITHMS: Final = ("RS256", "ES256")
"""Of public keys alone: with HS256 a public key would be a secret, and `none` is none."""
_LEEWAY_SECONDS: Final = 30
_EXCHANGE_SECONDS: Final = 8.0
_MOST_BYTES: Final = 256_000
_KEPT_SECONDS: Final = 3_600.0
_LEAST_PAUSE_SECONDS: Final = 30.0
"""Between two looks for a key that is not known: tokens name keys, and anybody makes tokens."""
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class GoogleSignIn:
    """Implements access.ports.IdentityProvider."""

    def __init__(
        self,
        *,
        issuer: str,
        client_id: str,
        client_secret: str,
        hosted_domain: str | None,
        http: httpx.AsyncClient,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`hosted_domain` is only asked for here; whoever uses the identity checks it."""
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._hosted_domain = hosted_domain
        self._http = http
        self._clock = clock
        self._discovered: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, jwt.PyJWKSet] | None = None

    async def authorization_address(self, attempt: SignInAttempt) -> str:
        """Return Google's page."""
        challenge = hashlib.sha256(attempt.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": attempt.redirect_uri,
            "scope": "openid email profile",
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
            "code_challenge_method": "S256",
            "prompt": "select_account",
        }
        if self._hosted_domain is not None:
            query["hd"] = self._hosted_domain
        address = await self._endpoint("authorization_endpoint")
        return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(query)}"

    async def identify(self, code: str, attempt: SignInAttempt) -> Identity:
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
        return Identity(
            provider=GOOGLE,
            actor=f"{GOOGLE}:{address.lower()}",
            name=name if isinstance(name, str) else address,
            address_verified=claims.get("email_verified") is True
            and _is_authority(address, domain),
            hosted_domain=domain.lower() if isinstance(domain, str) else None,
        )

    async def _exchange(self, code: str, attempt: SignInAttempt) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": attempt.redirect_uri,
            "client_id": self._client_id,
            "client_secret": self._client_secret,
            "code_verifier": attempt.verifier,
        }
        address = await self._endpoint("token_endpoint")
        status, answer = await self._ask("POST", address, form)
        if status == httpx.codes.OK:
            return answer
        if answer.get("error") == "invalid_grant":
            raise SignInRefusedError(
                "Google does not accept this sign-in: it was used before, or it is too old. Begin"
                " anew."
            )
        raise ProviderUnavailableError(f"Google refuses Kova's sign-in: {_word(answer)}.")

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
                audience=self._client_id,
                issuer=self._issuer,
                leeway=_LEEWAY_SECONDS,
                options={
                    "require": ["iss", "aud", "sub", "exp", "iat", "nonce"],
                    "strict_aud": True,
                },
            )
        except (jwt.InvalidTokenError, jwt.PyJWKError, ValueError, RecursionError) as exc:
            raise IdentityTokenError from exc
        if claims.get("azp", self._client_id) != self._client_id:
            raise IdentityTokenError
        return claims

    async def _key(self, kid: str) -> jwt.PyJWK:
        """Return a key of Google; keys change, so an unknown one is looked for once more."""
        now = self._clock()
        read_at, keys = self._keys or (-_KEPT_SECONDS, None)
        for key in keys or ():
            if key.key_id == kid and now < read_at + _KEPT_SECONDS:
                return key
        if keys is not None and now < read_at + _LEAST_PAUSE_SECONDS:
            raise IdentityTokenError
        status, answer = await self._ask("GET", await self._endpoint("jwks_uri"))
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

    async def _endpoint(self, name: str) -> str:
        now = self._clock()
        if self._discovered is None or now >= self._discovered[0] + _KEPT_SECONDS:
            address = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
            status, document = await self._ask("GET", address)
            # https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfigurationValidation
            if status != httpx.codes.OK or document.get("issuer") != self._issuer:
                raise ProviderUnavailableError("Google's configuration is not that of its issuer.")
            self._discovered = (now, document)
        endpoint = self._discovered[1].get(name)
        if not isinstance(endpoint, str) or not _is_private(endpoint):
            raise ProviderUnavailableError("Google's configuration has no usable address.")
        return endpoint

    async def _ask(
        self, method: str, address: str, form: dict[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Return the status and the JSON object of an answer, bounded in time and size."""
        try:
            async with (
                asyncio.timeout(_EXCHANGE_SECONDS),
                self._http.stream(
                    method, address, data=form, headers={"accept": "application/json"}
                ) as response,
            ):
                body = await read_bounded(response, _MOST_BYTES)
            if body is None:
                raise ProviderUnavailableError("Google's answer is too large.")
            answer = parse_json(body)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as exc:
            raise ProviderUnavailableError from exc
        if not isinstance(answer, dict):
            raise ProviderUnavailableError
        return response.status_code, answer


def _is_authority(address: str, domain: object) -> bool:
    """True if Google itself runs the mailbox.

    Of others it verified the address once, when the account was made: somebody may have left the
    company since. https://developers.google.com/identity/gsi/web/guides/verify-google-id-token
    """
    return isinstance(domain, str) or address.lower().endswith("@gmail.com")


def _is_private(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


def _is_same(presented: str, expected: str) -> bool:
    return hmac.compare_digest(presented.encode("utf-8", "surrogatepass"), expected.encode())


def _word(answer: dict[str, Any]) -> str:
    """Return the error's code, which is ASCII without spaces where it is one of the standard's."""
    error = answer.get("error")
    is_code = isinstance(error, str) and error.isascii() and error.replace("_", "").isalnum()
    return str(error)[:60] if is_code else "without a reason"
