"""Who Kova is to GitHub: an App with a token per installation, or one fixed token.

https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from kova.adapters.github import shapes
from kova.adapters.github.transport import Transport
from kova.shared.exceptions import (
    GitHubUnavailableError,
    NotConfiguredError,
    RepositoryNotFoundError,
)
from kova.shared.repository import RepositoryRef, check_full_name

# GitHub refuses a JWT from its future and one that lives longer than ten minutes.
CLOCK_DRIFT: Final = 60
JWT_SECONDS: Final = 9 * 60
# A token that runs out in the middle of a scan would cost the scan.
RENEW_BEFORE: Final = 5 * 60
KNOWN_INSTALLATIONS: Final = 10_000

_NO_KEY: Final = "KOVA_GITHUB_PRIVATE_KEY is not an RSA key in PEM."
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,1000}")


class TokenProvider(Protocol):
    """Gives the Authorization header for a repository."""

    async def authorization(self, transport: Transport, repository: RepositoryRef, /) -> str:
        """Return the header's value."""

    async def installation(self, transport: Transport, repository: RepositoryRef, /) -> int | None:
        """Return the App's installation on the repository as it is now; None without an App."""

    def drop(self, authorization: str, /) -> bool:
        """Forget a refused value; tell whether asking again may give a better one."""


class FixedToken:
    """One personal or machine token for everything."""

    def __init__(self, token: str) -> None:
        """Use the token for every repository.

        Raises:
            NotConfiguredError: it cannot stand in a header.
        """
        if not _TOKEN.fullmatch(token.strip()):
            raise NotConfiguredError("KOVA_GITHUB_TOKEN is not a token.")
        self.header = f"Bearer {token.strip()}"

    async def authorization(self, _: Transport, __: RepositoryRef, /) -> str:
        """Return the header's value."""
        return self.header

    async def installation(self, _: Transport, __: RepositoryRef, /) -> int | None:
        """Return None: a token has no installation."""
        return None

    def drop(self, _: str, /) -> bool:
        """Tell that there is no other token."""
        return False


@dataclass(frozen=True, kw_only=True)
class _InstallationToken:
    authorization: str
    expires_at: float


class AppTokens:
    """A GitHub App's installation tokens, kept until shortly before they expire."""

    def __init__(
        self, *, app_id: str, private_key: str, now: Callable[[], float] = time.time
    ) -> None:
        """`private_key` is PEM; its line ends may be escaped as in an environment variable."""
        self._app_id = app_id.strip()
        self._private_key = private_key.replace("\\n", "\n").strip() + "\n"
        self._now = now
        self._installations: dict[str, int] = {}
        self._tokens: dict[int, _InstallationToken] = {}
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def authorization(self, transport: Transport, repository: RepositoryRef) -> str:
        """Return the installation's token as a header, a new one if needed."""
        stored_id = repository.installation_id
        installation_id = stored_id or await self._look_up(transport, repository)
        try:
            return await self._installation_token(transport, installation_id)
        except RepositoryNotFoundError:
            # The App was installed anew since the id was noted, or the repository moved.
            self._installations.pop(repository.full_name, None)
            current = await self._look_up(transport, repository)
            if current == installation_id:
                raise
            return await self._installation_token(transport, current)

    async def installation(self, transport: Transport, repository: RepositoryRef) -> int | None:
        """Return the App's installation on the repository, and remember it."""
        self._installations.pop(repository.full_name, None)
        return await self._look_up(transport, repository)

    def drop(self, authorization: str, /) -> bool:
        """Forget the refused token; tell whether it was a kept one."""
        keys = [key for key, token in self._tokens.items() if token.authorization == authorization]
        for key in keys:
            del self._tokens[key]
        return bool(keys)

    def app_authorization(self) -> str:
        """Return the header for calls of the App itself: a JWT signed with its private key.

        Raises:
            NotConfiguredError: the private key is no RSA key in PEM.
        """
        issued = int(self._now()) - CLOCK_DRIFT
        claims = {"iat": issued, "exp": issued + JWT_SECONDS, "iss": self._app_id}
        return f"Bearer {jwt.encode(claims, _load_rsa_key(self._private_key), algorithm='RS256')}"

    async def new_authorization(self, transport: Transport, installation_id: int) -> str:
        """Return a new token of an installation as a header; an earlier one may be void."""
        token = await self._request_token(transport, installation_id)
        self._tokens[installation_id] = token
        return token.authorization

    async def _look_up(self, transport: Transport, repository: RepositoryRef) -> int:
        name = check_full_name(repository.full_name)
        cached = self._installations.get(name)
        if cached is None:
            reply = await transport.json(
                "GET", f"/repos/{name}/installation", authorization=self.app_authorization()
            )
            cached = shapes.number(shapes.as_object(reply.data), "id")
            if len(self._installations) >= KNOWN_INSTALLATIONS:
                self._installations.clear()
            self._installations[name] = cached
        return cached

    async def _installation_token(self, transport: Transport, installation_id: int) -> str:
        # The lock makes many requests of one scan wait for one token instead of each asking.
        async with self._locks[installation_id]:
            cached = self._tokens.get(installation_id)
            if cached is None or cached.expires_at - RENEW_BEFORE <= self._now():
                cached = await self._request_token(transport, installation_id)
                self._tokens[installation_id] = cached
            return cached.authorization

    async def _request_token(
        self, transport: Transport, installation_id: int
    ) -> _InstallationToken:
        reply = await transport.json(
            "POST",
            f"/app/installations/{installation_id}/access_tokens",
            authorization=self.app_authorization(),
            repeatable=True,  # a token too many expires by itself
        )
        body = shapes.as_object(reply.data)
        token, expires = shapes.text(body, "token"), shapes.text(body, "expires_at")
        if not _TOKEN.fullmatch(token):
            raise GitHubUnavailableError("GitHub's token cannot stand in a header.")
        return _InstallationToken(
            authorization=f"Bearer {token}", expires_at=_parse_instant(expires)
        )


def _parse_instant(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise GitHubUnavailableError("GitHub's answer has no usable expires_at.") from exc
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _load_rsa_key(pem: str) -> RSAPrivateKey:
    # PyJWT takes a public key too, and breaks only where it signs.
    try:
        key = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise NotConfiguredError(_NO_KEY) from exc
    if not isinstance(key, RSAPrivateKey):
        raise NotConfiguredError(_NO_KEY)
    return key
