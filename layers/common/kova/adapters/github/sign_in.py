"""Signing in with GitHub: who somebody is, and which repositories GitHub lets them see.

https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import urlencode

import httpx

from kova.access.identity import (
    GITHUB,
    Identity,
    ProviderUnavailableError,
    SignInAttempt,
    SignInRefusedError,
)
from kova.adapters.github import shapes
from kova.adapters.github.transport import Transport
from kova.shared.exceptions import (
    GitHubRefusedError,
    GitHubUnavailableError,
    RepositoryNotFoundError,
)
from kova.shared.owners import Owners
from kova.shared.reach import reach_of

_SECONDS: Final = 15.0
_ANSWER_LIMIT: Final = 4_000_000
_MOST_PAGES: Final = 30
"""Of a hundred repositories each; those beyond are not in reach."""
_WRITERS: Final = ("triage", "push", "maintain", "admin")
_PARTS: Final = {"installations", "repositories"}


class GitHubSignIn:
    """Implements access.ports.IdentityProvider. Nothing of the person's token is kept."""

    def __init__(
        self,
        *,
        web_url: str,
        api_url: str,
        client_id: str,
        client_secret: str,
        owners: Owners,
        http: httpx.AsyncClient,
    ) -> None:
        """`web_url` is where GitHub's pages are; repositories of other owners are left out."""
        self._web_url = web_url.rstrip("/")
        self._client_id = client_id
        self._client_secret = client_secret
        self._owners = owners
        self._pages = Transport(base_url=self._web_url, http=http)
        self._api = Transport(base_url=api_url, http=http)

    async def authorization_address(self, attempt: SignInAttempt) -> str:
        """Return GitHub's page."""
        challenge = hashlib.sha256(attempt.verifier.encode()).digest()
        query = {
            "client_id": self._client_id,
            "redirect_uri": attempt.redirect_uri,
            "state": attempt.state,
            "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        return f"{self._web_url}/login/oauth/authorize?{urlencode(query)}"

    async def identify(self, code: str, attempt: SignInAttempt) -> Identity:
        """Exchange the code, and ask GitHub with the person's token."""
        try:
            async with asyncio.timeout(_SECONDS):
                return await self._identify(code, attempt)
        except (TimeoutError, GitHubUnavailableError) as exc:
            raise ProviderUnavailableError(
                "GitHub does not answer. Try again in a minute."
            ) from exc
        except (GitHubRefusedError, RepositoryNotFoundError) as exc:
            raise SignInRefusedError("GitHub refuses this sign-in. Begin anew.") from exc

    async def _identify(self, code: str, attempt: SignInAttempt) -> Identity:
        token = await self._exchange(code, attempt)
        authorization = f"Bearer {token}"
        reply = await self._api.json(
            "GET", "/user", authorization=authorization, limit=_ANSWER_LIMIT
        )
        user = shapes.as_object(reply.data)
        login = shapes.text(user, "login")
        name = user.get("name")
        names = [full_name async for full_name in self._visible(authorization)]
        return Identity(
            provider=GITHUB,
            actor=f"{GITHUB}:{login}",
            name=name if isinstance(name, str) and name else login,
            reach=reach_of(names),
        )

    async def _exchange(self, code: str, attempt: SignInAttempt) -> str:
        body = {
            "client_id": self._client_id,
            "client_secret": self._client_secret,
            "code": code,
            "redirect_uri": attempt.redirect_uri,
            "code_verifier": attempt.verifier,
        }
        reply = await self._pages.json(
            "POST",
            "/login/oauth/access_token",
            authorization=None,
            body=body,
            limit=_ANSWER_LIMIT,
            accept="application/json",
        )
        answer = shapes.as_object(reply.data)
        token = answer.get("access_token")
        # GitHub answers 200 also when it refuses.
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise SignInRefusedError(
                "GitHub does not accept this sign-in: it was used before, or it is older than ten"
                " minutes. Begin anew."
            )
        return token

    async def _visible(self, authorization: str) -> AsyncIterator[str]:
        """Yield what somebody may see of the repositories that Kova is installed on.

        A public repository is for those who work on it: everybody sees it on GitHub, and its
        errors are not for everybody.
        """
        async for installation in self._list("/user/installations", "installations", authorization):
            number = shapes.number(installation, "id")
            path = f"/user/installations/{number}/repositories"
            async for repository in self._list(path, "repositories", authorization):
                full_name = shapes.text(repository, "full_name")
                if _works_on(repository) and self._owners.allow(full_name):
                    yield full_name

    async def _list(
        self, path: str, part: str, authorization: str
    ) -> AsyncIterator[dict[str, Any]]:
        assert part in _PARTS
        address: str | None = f"{path}?per_page=100"
        for _ in range(_MOST_PAGES):
            if address is None:
                return
            reply = await self._api.json(
                "GET", address, authorization=authorization, limit=_ANSWER_LIMIT
            )
            for member in shapes.objects(shapes.as_object(reply.data).get(part)):
                yield member
            address = reply.next_url


def _works_on(repository: dict[str, Any]) -> bool:
    permissions = repository.get("permissions")
    if not isinstance(permissions, dict):
        return False
    needed = ("pull", *_WRITERS) if repository.get("private") is True else _WRITERS
    return any(permissions.get(name) is True for name in needed)
