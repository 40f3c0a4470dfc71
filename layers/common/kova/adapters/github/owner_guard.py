"""Keeps calls to repositories whose owner Kova works for, by the name that GitHub has for them now.

GitHub redirects calls by an old name to a renamed or transferred repository, by its id:
https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Final

import httpx

from kova.adapters.github import shapes
from kova.adapters.github.transport import Transport
from kova.shared.exceptions import GitHubRefusedError, OwnerNotAllowedError
from kova.shared.owners import Owners

_NUMBERED: Final = re.compile(r"(/repositories/[0-9]{1,20})(?:/.*)?")
_NAMED: Final = re.compile(r"/repos/([^/]+/[^/]+)(?:/.*)?")
_SECONDS: Final = 60.0
"""So long an id counts whose name was seen to be allowed: a scan makes many calls."""
_MOST_SEEN: Final = 1_000


class OwnerGuard:
    """Refuses, before anything is sent to it, a repository of an owner that is not allowed."""

    def __init__(
        self, owners: Owners, *, transport: Transport, base_url: str, clock: Callable[[], float]
    ) -> None:
        """`clock` counts seconds."""
        self._owners = owners
        self._transport = transport
        self._base_path = httpx.URL(base_url).path.rstrip("/")
        self._clock = clock
        self._allowed_until: dict[str, float] = {}

    def require_name(self, full_name: str) -> None:
        """Check a repository's name.

        Raises:
            OwnerNotAllowedError: its owner is not one that Kova works for.
        """
        if not self._owners.allow(full_name):
            raise OwnerNotAllowedError

    def on_redirect(self, authorization: str) -> Callable[[httpx.URL], Awaitable[None]] | None:
        """Return the check of a redirect within GitHub's API; None where all may be followed.

        Its errors, beside those of any call: OwnerNotAllowedError for a repository of another
        owner, GitHubRefusedError for a place that belongs to no repository.
        """
        if self._owners.is_everybody:
            return None

        async def check(url: httpx.URL) -> None:
            path = url.path.removeprefix(self._base_path)
            named, numbered = _NAMED.fullmatch(path), _NUMBERED.fullmatch(path)
            if named is not None:
                self.require_name(named[1])
            elif numbered is not None:
                await self._check_number(numbered[1], authorization)
            else:
                raise GitHubRefusedError(
                    "GitHub redirects to a place of no repository.", refusal="redirect"
                )

        return check

    async def _check_number(self, path: str, authorization: str) -> None:
        until = self._allowed_until.get(path)
        if until is not None and self._clock() < until:
            return
        reply = await self._transport.json("GET", path, authorization=authorization)
        self.require_name(shapes.text(shapes.as_object(reply.data), "full_name"))
        if len(self._allowed_until) >= _MOST_SEEN:
            self._allowed_until.clear()
        self._allowed_until[path] = self._clock() + _SECONDS
