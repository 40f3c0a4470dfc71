"""What every capability needs from outside: repositories and the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kova.shared.audit import AuditEvent, AuditRecord
    from kova.shared.page import Page, PageRequest
    from kova.shared.reach import Reach
    from kova.shared.repository import Repository, RepositoryChange, RepositoryInfo


class RepositoryStore(Protocol):
    """Watched repositories."""

    async def save(self, info: RepositoryInfo) -> Repository:
        """Create the repository, or update it by GitHub's number (it may have been renamed).

        Where GitHub was asked (`archived` is not None), it has no problem any more.
        """

    async def find(self, github_id: int) -> Repository | None:
        """Find it by GitHub's number."""

    async def get(self, full_name: str, reach: Reach) -> Repository | None:
        """Find it by name, whatever its letters' case; None outside of the reach."""

    async def change(
        self, full_name: str, change: RepositoryChange, actor: str, reach: Reach
    ) -> Repository | None:
        """Change settings and record who did it; None when there is no such one in the reach."""

    async def page(self, request: PageRequest, reach: Reach) -> Page[Repository]:
        """List those in the reach, with counts of open errors by severity."""


class AuditStore(Protocol):
    """Who did what."""

    async def record(self, event: AuditEvent, *, once: str | None = None) -> None:
        """Record an event; with `once`, a UUID of the caller's, recording it again does nothing."""

    async def page(self, request: PageRequest) -> Page[AuditRecord]:
        """List, newest first."""
