"""Bring the repositories of an installation to what GitHub shows now."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from kova.events.event import EventJob
from kova.events.ports import RepositoryDirectory, RepositoryWatch
from kova.events.refresh_repository import MOST_LOOKS
from kova.shared.exceptions import GitHubRefusedError, RepositoryNotFoundError
from kova.shared.ports import RepositoryStore
from kova.shared.repository import Repository, RepositoryProblem

_LOG = logging.getLogger("kova.events")


class RefreshInstallation:
    """Installed, removed, suspended and back: one question to GitHub answers all of it."""

    def __init__(
        self,
        *,
        repositories: RepositoryStore,
        watch: RepositoryWatch,
        directory: RepositoryDirectory,
    ) -> None:
        self._repositories = repositories
        self._watch = watch
        self._directory = directory

    async def refresh(self, job: EventJob) -> None:
        """Save the repositories that GitHub lists, and mark those that it no longer does.

        Nothing is scanned: the next push is.

        Raises:
            UnavailableError: GitHub or the database does not answer; try again later.
        """
        assert job.installation_id is not None
        # Another worker may have written an older answer meanwhile: the look that changes nothing
        # is the last one.
        for _ in range(MOST_LOOKS):
            if not await self._look(job.installation_id):
                return

    async def _look(self, installation_id: int) -> int:
        """Ask GitHub, and return how many rows were changed."""
        try:
            listed = await self._directory.installed(installation_id)
        except RepositoryNotFoundError:
            return await self._mark_all(installation_id, RepositoryProblem.UNINSTALLED)
        except GitHubRefusedError as exc:
            if exc.data.get("refusal") != "forbidden":
                raise
            return await self._mark_all(installation_id, RepositoryProblem.SUSPENDED)
        rows = {row.github_id: row for row in await self._watch.of_installation(installation_id)}
        saved = 0
        for info in listed:
            row = rows.pop(info.github_id, None)
            if row is None or not row.matches(info):
                await self._repositories.save(info)
                saved += 1
        return saved + await self._mark(list(rows.values()), RepositoryProblem.REMOVED)

    async def _mark_all(self, installation_id: int, problem: RepositoryProblem) -> int:
        return await self._mark(await self._watch.of_installation(installation_id), problem)

    async def _mark(self, rows: Sequence[Repository], problem: RepositoryProblem) -> int:
        marked = await self._watch.mark([row.id for row in rows], problem)
        if marked:
            extra = {"repositories": marked, "problem": problem.value}
            _LOG.warning("repositories not scanned any more", extra=extra)
        return marked
