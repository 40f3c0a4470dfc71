"""What GitHub says of a person by their token: who they are, and which repositories they see.

https://docs.github.com/rest/apps/installations#list-repositories-accessible-to-the-user-access-token
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx

from kova.access.identity import (
    GITHUB,
    Identity,
    ProviderUnavailableError,
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
from kova.shared.text import clean

_SECONDS: Final = 8.0
_ANSWER_LIMIT: Final = 4_000_000
_MOST_PAGES: Final = 30
"""Of a hundred repositories each; those beyond are not in reach."""
_WRITERS: Final = ("triage", "push", "maintain", "admin")
_PARTS: Final = {"installations", "repositories"}


class GitHubAccess:
    """Implements access.ports.AccessSource."""

    def __init__(self, *, api_url: str, owners: Owners, http: httpx.AsyncClient) -> None:
        """Repositories of other owners are left out."""
        self._owners = owners
        self._api = Transport(base_url=api_url, http=http)

    async def read_identity(self, token: str) -> Identity:
        """Ask GitHub with the person's token."""
        with translated_errors():
            async with asyncio.timeout(_SECONDS):
                return await self._read(f"Bearer {token}")

    async def _read(self, authorization: str) -> Identity:
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
            name=clean(name) if isinstance(name, str) and name else login,
            reach=reach_of(names),
        )

    async def _visible(self, authorization: str) -> AsyncIterator[str]:
        """Yield what somebody may see of the repositories that Kova is installed on.

        A public repository is for those who work on it: everybody sees it on GitHub, and its
        errors are not for everybody.
        """
        async for installation in self._list("/user/installations", "installations", authorization):
            number = shapes.number(installation, "id")
            path = f"/user/installations/{number}/repositories"
            async for repository in self._list(path, "repositories", authorization):
                full_name = shapes.full_name(repository)
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


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn the errors of GitHub's transport into those of the sign-in."""
    try:
        yield
    except (TimeoutError, GitHubUnavailableError) as exc:
        raise ProviderUnavailableError("GitHub does not answer. Try again in a minute.") from exc
    except (GitHubRefusedError, RepositoryNotFoundError) as exc:
        raise SignInRefusedError("GitHub refuses this sign-in. Begin anew.") from exc
