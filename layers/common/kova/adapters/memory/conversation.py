"""Permissions and comments of GitHub, in memory."""

from __future__ import annotations

from collections.abc import Mapping

from kova.adapters.memory.availability import Switchable
from kova.shared.exceptions import GitHubUnavailableError
from kova.shared.repository import RepositoryRef


class MemoryConversation(Switchable):
    """Implements commands.ports.Conversation.

    `replies` has every text that was written, in order; `comments` what stands there now.
    """

    outage = GitHubUnavailableError

    def __init__(self, permissions: Mapping[str, str]) -> None:
        """`permissions` are by login; others have none."""
        self._permissions = permissions
        self.replies: list[str] = []
        self.comments: dict[tuple[str, int, str], str] = {}

    async def permission(self, repository_ref: RepositoryRef, login: str) -> str:  # noqa: ARG002
        """Return a login's permission."""
        self.check()
        return self._permissions.get(login, "none")

    async def reply(
        self, repository_ref: RepositoryRef, number: int, marker: str, body: str
    ) -> None:
        """Write the comment that has this hidden marker, or edit it if it exists."""
        self.check()
        self.comments[repository_ref.full_name.lower(), number, marker] = body
        self.replies.append(body)
