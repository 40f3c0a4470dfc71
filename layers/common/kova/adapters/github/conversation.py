"""The port Conversation on GitHub.

https://docs.github.com/rest/issues/comments and https://docs.github.com/rest/collaborators
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from kova.adapters.github import shapes
from kova.adapters.github.client import GitHubClient
from kova.adapters.github.shapes import Json
from kova.commands.ports import Conversation
from kova.shared.exceptions import GitHubRefusedError, RepositoryNotFoundError
from kova.shared.repository import RepositoryRef
from kova.shared.text import clean, shorten

_BODY_LIMIT: Final = 60_000


class GitHubConversation(Conversation):
    """Speaks through GitHub's REST API."""

    def __init__(self, client: GitHubClient) -> None:
        self._client = client

    async def permission(self, repository: RepositoryRef, login: str) -> str:
        """Ask GitHub, each time."""
        path = f"/collaborators/{quote(login, safe='')}/permission"
        try:
            answer = await self._client.get(repository, path)
        except (RepositoryNotFoundError, GitHubRefusedError) as exc:
            if exc.data.get("refusal") == "unauthenticated":
                raise
            return "none"  # GitHub knows no such collaborator.
        return shapes.text(answer, "permission")

    async def reply(self, repository: RepositoryRef, number: int, marker: str, body: str) -> None:
        """Look for the marker, then edit or create."""
        text = f"{shorten(clean(body), _BODY_LIMIT)}\n\n<!-- {marker} -->"

        async def once() -> None:
            existing = await self._find_reply(repository, number, marker)
            if existing is not None and existing.get("body") == text:
                return
            if existing is None:
                path = f"/issues/{number}/comments"
                await self._client.write("POST", repository, path, {"body": text})
            else:
                path = f"/issues/comments/{shapes.number(existing, 'id')}"
                body = {"body": text}
                await self._client.write("PATCH", repository, path, body, repeatable=True)

        await self._client.retry_idempotent(once)

    async def _find_reply(self, repository: RepositoryRef, number: int, marker: str) -> Json | None:
        """Return the first comment with the marker: a copy of it would come later."""
        async for comment in self._client.pages(repository, f"/issues/{number}/comments"):
            if f"<!-- {marker} -->" in str(comment.get("body") or ""):
                return comment
        return None
