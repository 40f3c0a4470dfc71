"""Bring the repositories of an installation to what GitHub shows now."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from kova.events.event import EventJob
from kova.events.ports import RepositoryDirectory, RepositoryWatch
from kova.shared.exceptions import GitHubRefusedError, RepositoryNotFoundError
from kova.shared.ports import RepositoryStore
from kova.shared.repository import Repository, RepositoryInfo, RepositoryProblem

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
        try:
            listed = await self._directory.installed(job.installation_id)
        except RepositoryNotFoundError:
            await self._mark_all(job.installation_id, RepositoryProblem.UNINSTALLED)
            return
        except GitHubRefusedError as exc:
            if exc.data.get("refusal") != "forbidden":
                raise
            await self._mark_all(job.installation_id, RepositoryProblem.SUSPENDED)
            return
        rows = {
            row.github_id: row for row in await self._watch.of_installation(job.installation_id)
        }
        for info in listed:
            row = rows.pop(info.github_id, None)
            if row is None or not _shows(row, info):
                await self._repositories.save(info)
        await self._mark(list(rows.values()), RepositoryProblem.REMOVED)

    async def _mark_all(self, installation_id: int, problem: RepositoryProblem) -> None:
        await self._mark(await self._watch.of_installation(installation_id), problem)

    async def _mark(self, rows: Sequence[Repository], problem: RepositoryProblem) -> None:
        marked = await self._watch.mark([row.id for row in rows], problem)
        if marked:
            extra = {"repositories": marked, "problem": problem.value}
            _LOG.warning("repositories not scanned any more", extra=extra)


def _shows(row: Repository, info: RepositoryInfo) -> bool:
    """True where a row says the same already."""
    values = (row.full_name, row.default_branch, row.private, row.archived, row.problem)
    return values == (info.full_name, info.default_branch, info.private, info.archived, None)
