"""Signing in with GitHub: the way there and back, and the person's token.

https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from typing import Final
from urllib.parse import urlencode

import httpx

from kova.access.identity import ProvenIdentity, SignInAttempt, SignInRefusedError
from kova.adapters.github import shapes
from kova.adapters.github.transport import Transport
from kova.adapters.github.user_access import GitHubAccess, translated_errors

_SECONDS: Final = 8.0
_ANSWER_LIMIT: Final = 100_000


class GitHubSignIn:
    """Implements access.ports.IdentityProvider."""

    def __init__(
        self,
        *,
        web_url: str,
        client_id: str,
        client_secret: str,
        access: GitHubAccess,
        http: httpx.AsyncClient,
    ) -> None:
        """`web_url` is where GitHub's pages are."""
        self._web_url = web_url.rstrip("/")
        self._client_id = client_id
        self._client_secret = client_secret
        self._pages = Transport(base_url=self._web_url, http=http)
        self._access = access

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

    async def identify(self, code: str, attempt: SignInAttempt) -> ProvenIdentity:
        """Exchange the code, and ask GitHub with the person's token."""
        with translated_errors():
            async with asyncio.timeout(_SECONDS):
                token = await self._exchange(code, attempt)
        return ProvenIdentity(identity=await self._access.read_identity(token), token=token)

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
