"""What GitHub shows of repositories and installations now: nothing here is cached.

https://docs.github.com/rest/apps/installations
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import httpx

from kova.adapters.github import shapes
from kova.adapters.github.auth import AppTokens
from kova.adapters.github.transport import Transport
from kova.events.ports import RepositoryDirectory
from kova.shared.code_source import CodeSource
from kova.shared.exceptions import (
    GitHubUnavailableError,
    OwnerNotAllowedError,
    RepositoryNotFoundError,
)
from kova.shared.owners import Owners
from kova.shared.repository import RepositoryInfo, RepositoryRef, check_full_name, is_ref

_MOST_PAGES: Final = 100
_PER_PAGE: Final = "100"


class AppInstallations(RepositoryDirectory):
    """Asks with the App's own JWT, and with new tokens of its installations."""

    def __init__(
        self, *, base_url: str, tokens: AppTokens, http: httpx.AsyncClient, owners: Owners
    ) -> None:
        """`base_url` is the API's root; the connections belong to the caller."""
        self._transport = Transport(base_url=base_url, http=http)
        self._tokens = tokens
        self._owners = owners

    async def describe(self, full_name: str) -> RepositoryInfo:
        """Ask who is installed on it first: everybody sees a public repository."""
        name = check_full_name(full_name)
        if not self._owners.allow(name):
            raise OwnerNotAllowedError
        reply = await self._transport.json(
            "GET", f"/repos/{name}/installation", authorization=self._tokens.app_authorization()
        )
        installation_id = shapes.number(shapes.as_object(reply.data), "id")
        authorization = await self._tokens.new_authorization(self._transport, installation_id)
        reply = await self._transport.json("GET", f"/repos/{name}", authorization=authorization)
        info = _info(shapes.as_object(reply.data), installation_id)
        if not self._owners.allow(info.full_name):
            raise OwnerNotAllowedError
        return info

    async def installed(self, installation_id: int) -> Sequence[RepositoryInfo]:
        """List them, page after page."""
        authorization = await self._tokens.new_authorization(self._transport, installation_id)
        address: str | None = "/installation/repositories"
        params: dict[str, str] | None = {"per_page": _PER_PAGE}
        infos: list[RepositoryInfo] = []
        for _ in range(_MOST_PAGES):
            if address is None:
                return [info for info in infos if self._owners.allow(info.full_name)]
            reply = await self._transport.json(
                "GET", address, authorization=authorization, params=params
            )
            rows = shapes.objects(shapes.as_object(reply.data).get("repositories"))
            infos += [_info(row, installation_id) for row in rows]
            address, params = reply.next_url, None
        raise GitHubUnavailableError("GitHub's list of an installation's repositories has no end.")


class TokenRepositories(RepositoryDirectory):
    """Asks with one token, which has no installations."""

    def __init__(self, source: CodeSource) -> None:
        self._source = source

    async def describe(self, full_name: str) -> RepositoryInfo:
        """Ask for the repository."""
        return await self._source.repository(RepositoryRef(full_name=full_name))

    async def installed(self, installation_id: int) -> Sequence[RepositoryInfo]:
        """Refuse: no App, no installation."""
        raise RepositoryNotFoundError(f"No App has the installation {installation_id}.")


def _info(details: shapes.Json, installation_id: int) -> RepositoryInfo:
    branch = shapes.text(details, "default_branch")
    if not is_ref(branch):
        raise GitHubUnavailableError("GitHub's answer has no usable default_branch.")
    return RepositoryInfo(
        full_name=shapes.full_name(details),
        github_id=shapes.number(details, "id"),
        installation_id=installation_id,
        default_branch=branch,
        private=details.get("private") is not False,
        archived=details.get("archived") is True,
    )
