"""Kova's own App on GitHub: made from a manifest's code, and described to itself.

https://docs.github.com/rest/apps/apps
"""

from __future__ import annotations

from typing import Final

import httpx

from kova.adapters.github import shapes
from kova.adapters.github.auth import AppTokens
from kova.adapters.github.transport import Transport
from kova.setup.app_description import AppDescription
from kova.setup.credentials import AppCredentials
from kova.setup.exceptions import SetupCodeError
from kova.setup.ports import AppDirectory, AppRegistration
from kova.shared.exceptions import (
    GitHubRefusedError,
    GitHubUnavailableError,
    RepositoryNotFoundError,
)

_ANSWER_LIMIT: Final = 200_000


class GitHubAppRegistration(AppRegistration):
    """Implements setup.ports.AppRegistration."""

    def __init__(self, *, base_url: str, http: httpx.AsyncClient) -> None:
        """`base_url` is the API's root; the connections belong to the caller."""
        self._transport = Transport(base_url=base_url, http=http)

    async def exchange(self, code: str) -> AppCredentials:
        """Ask once: a second question about the same code has no answer."""
        try:
            reply = await self._transport.json(
                "POST",
                f"/app-manifests/{code}/conversions",
                authorization=None,
                limit=_ANSWER_LIMIT,
            )
        except (RepositoryNotFoundError, GitHubRefusedError) as exc:
            raise SetupCodeError from exc
        return _read_credentials(shapes.as_object(reply.data))


class GitHubAppDirectory(AppDirectory):
    """Implements setup.ports.AppDirectory."""

    def __init__(self, *, base_url: str, tokens: AppTokens, http: httpx.AsyncClient) -> None:
        """`base_url` is the API's root; the connections belong to the caller."""
        self._transport = Transport(base_url=base_url, http=http)
        self._tokens = tokens

    async def describe(self) -> AppDescription:
        """Ask with the App's own JWT."""
        reply = await self._transport.json(
            "GET", "/app", authorization=self._tokens.app_authorization(), limit=_ANSWER_LIMIT
        )
        app = shapes.as_object(reply.data)
        permissions, events = app.get("permissions"), app.get("events")
        if not isinstance(permissions, dict) or not isinstance(events, list):
            raise GitHubUnavailableError("GitHub's App has no permissions or events.")
        return AppDescription(
            slug=str(app.get("slug") or ""),
            permissions={str(name): str(access) for name, access in permissions.items()},
            events=frozenset(map(str, events)),
        )


def _read_credentials(app: shapes.Json) -> AppCredentials:
    private_key, page = _secret(app, "pem"), shapes.page_url(app)
    if "PRIVATE KEY-----" not in private_key or page is None:
        raise GitHubUnavailableError("GitHub's answer has no private key or no page.")
    return AppCredentials(
        app_id=str(shapes.number(app, "id")),
        slug=shapes.text(app, "slug"),
        name=shapes.text(app, "name"),
        page=page,
        owner=shapes.text(app, "owner", "login"),
        owned_by_organization=shapes.field(app, "owner", "type") == "Organization",
        private_key=private_key,
        webhook_secret=_secret(app, "webhook_secret"),
        client_id=shapes.text(app, "client_id"),
        client_secret=_secret(app, "client_secret"),
    )


def _secret(app: shapes.Json, key: str) -> str:
    """Return a secret to the letter: nothing of it may be cleaned or cut."""
    secret = app.get(key)
    if not isinstance(secret, str) or not secret or "\0" in secret:
        raise GitHubUnavailableError(f"GitHub's answer has no usable {key}.")
    return secret
