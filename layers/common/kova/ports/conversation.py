"""Comments on issues and pull requests."""

from __future__ import annotations

from typing import Protocol

from kova.shared.repository import RepositoryRef


class Conversation(Protocol):
    """Reads who may do what, and replies. Errors are those of CodeSource."""

    async def permission(self, repository: RepositoryRef, login: str) -> str:
        """Return somebody's permission now: admin, maintain, write, triage, read or none."""

    async def reply(self, repository: RepositoryRef, number: int, marker: str, body: str) -> None:
        """Write the one comment with a hidden marker, or edit it when it is there."""
