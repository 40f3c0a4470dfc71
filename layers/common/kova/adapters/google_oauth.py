"""Google's endpoints by discovery, and the exchange of a code at its token endpoint.

https://developers.google.com/identity/openid-connect/openid-connect#discovery and
https://developers.google.com/identity/protocols/oauth2/web-server. Errors are
access.identity.ProviderUnavailableError.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import httpx

from kova.access.identity import ProviderUnavailableError
from kova.adapters.bounded_body import read_bounded
from kova.shared.json_text import parse_json

CACHE_SECONDS: Final = 3_600.0
"""How long what Google publishes is not read again."""
_EXCHANGE_SECONDS: Final = 8.0
_MOST_BYTES: Final = 256_000
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class GoogleOAuth:
    """One client of Google's, as its console knows it."""

    def __init__(
        self,
        *,
        issuer: str,
        client_id: str,
        client_secret: str,
        http: httpx.AsyncClient,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Ask nothing yet."""
        self.issuer = issuer
        self.client_id = client_id
        self._client_secret = client_secret
        self._http = http
        self._clock = clock
        self._discovered: tuple[float, dict[str, Any]] | None = None

    async def authorization_address(
        self, *, redirect_uri: str, state: str, verifier: str, parameters: Mapping[str, str]
    ) -> str:
        """Return Google's page for a consent, with PKCE; `parameters` are the others."""
        challenge = hashlib.sha256(verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": redirect_uri,
            "state": state,
            "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
            "code_challenge_method": "S256",
            **parameters,
        }
        address = await self.endpoint("authorization_endpoint")
        return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(query)}"

    async def exchange(
        self, *, code: str, redirect_uri: str, verifier: str
    ) -> tuple[int, dict[str, Any]]:
        """Exchange a code, and return the status and the answer."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "client_id": self.client_id,
            "client_secret": self._client_secret,
            "code_verifier": verifier,
        }
        return await self.ask("POST", await self.endpoint("token_endpoint"), form)

    async def endpoint(self, name: str) -> str:
        """Return an address of the discovery document: over TLS, or of this machine."""
        now = self._clock()
        if self._discovered is None or now >= self._discovered[0] + CACHE_SECONDS:
            address = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
            status, document = await self.ask("GET", address)
            # https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfigurationValidation
            if status != httpx.codes.OK or document.get("issuer") != self.issuer:
                raise ProviderUnavailableError("Google's configuration is not that of its issuer.")
            self._discovered = (now, document)
        endpoint = self._discovered[1].get(name)
        if not isinstance(endpoint, str) or not _is_private(endpoint):
            raise ProviderUnavailableError("Google's configuration has no usable address.")
        return endpoint

    async def ask(
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


def error_code(answer: Mapping[str, Any]) -> str:
    """Return the error's code, which is ASCII without spaces where it is one of the standard's."""
    error = answer.get("error")
    is_code = isinstance(error, str) and error.isascii() and error.replace("_", "").isalnum()
    return str(error)[:60] if is_code else "without a reason"


def _is_private(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
