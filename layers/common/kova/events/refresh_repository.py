"""Bring a repository's row to what GitHub shows now, whatever the event said and when."""

from __future__ import annotations

import asyncio
import logging
import re
import uuid
from typing import Final

from kova.events.event import DEFAULT_BRANCH_ACTIONS, DELETED, EventJob
from kova.events.ports import RepositoryDirectory, RepositoryWatch
from kova.scans.ports import ScanQueue
from kova.scans.scan import ScanTarget, Trigger
from kova.shared.code_source import CodeSource
from kova.shared.exceptions import (
    GitHubRefusedError,
    GitHubUnavailableError,
    OwnerNotAllowedError,
    RepositoryNotFoundError,
)
from kova.shared.ports import RepositoryStore
from kova.shared.repository import (
    FULL_NAME_PATTERN,
    Repository,
    RepositoryInfo,
    RepositoryProblem,
)

_LOG = logging.getLogger("kova.events")
_NAMESPACE: Final = uuid.UUID("0b8a5a0e-3c1f-4d68-8f0e-6d5ce7cb5d3c")
# GitHub may answer by an older state for some seconds after it has sent the event.
_SURE_AFTER: Final = 3
MOST_LOOKS: Final = 4
"""So often GitHub is asked for an event at most."""


class RefreshRepository:
    """Name, owner, default branch, visibility, and whether there is anything to scan."""

    def __init__(
        self,
        *,
        repositories: RepositoryStore,
        watch: RepositoryWatch,
        directory: RepositoryDirectory,
        source: CodeSource,
        queue: ScanQueue,
    ) -> None:
        self._repositories = repositories
        self._watch = watch
        self._directory = directory
        self._source = source
        self._queue = queue

    async def refresh(self, job: EventJob, attempt: int) -> None:
        """Save what GitHub shows, or record why it shows nothing; scan a new default branch.

        Args:
            job: the event.
            attempt: how often this was tried in vain, from 0.

        Raises:
            RepositoryNotFoundError: GitHub may show it in a moment; try again.
            UnavailableError: GitHub, the database or the queue does not answer, or GitHub still
                shows what was deleted; try again later.
        """
        assert job.github_id is not None
        former = row = await self._repositories.find(job.github_id)
        # Another worker may have written an older answer meanwhile: the look that changes nothing
        # is the last one.
        for _ in range(MOST_LOOKS):
            before, row = row, await self._look(job, row, is_sure=attempt >= _SURE_AFTER)
            if row is None or (before is not None and _state(before) == _state(row)):
                break
        if row is None or row.is_unreachable:
            return
        is_other = former is not None and (
            former.default_branch != row.default_branch
            or former.problem is RepositoryProblem.DEFAULT_BRANCH_DELETED
        )
        if is_other or job.action in DEFAULT_BRANCH_ACTIONS:
            await self._scan_default_branch(row, job)

    async def _look(
        self, job: EventJob, row: Repository | None, *, is_sure: bool
    ) -> Repository | None:
        """Ask GitHub, and return the row as it is then; None where there is none."""
        try:
            info = await self._describe(job, row)
        except OwnerNotAllowedError:
            return await self._mark(row, RepositoryProblem.OWNER_NOT_ALLOWED)
        except RepositoryNotFoundError:
            if job.action == DELETED:
                return await self._mark(row, RepositoryProblem.DELETED)
            if not is_sure:
                raise
            return await self._mark(row, RepositoryProblem.NOT_FOUND)
        except GitHubRefusedError as exc:
            if exc.data.get("refusal") != "forbidden":
                raise
            return await self._mark(row, RepositoryProblem.SUSPENDED)
        if job.action == DELETED and not is_sure:
            raise GitHubUnavailableError("GitHub still shows the repository that was deleted.")
        if row is not None and row.matches(info):
            return row
        return await self._repositories.save(info)

    async def _describe(self, job: EventJob, row: Repository | None) -> RepositoryInfo:
        """Return the repository of this id by one of its names.

        A name may belong to another repository by now.
        """
        names = [job.repository]
        if row is not None and row.full_name.lower() != job.repository.lower():
            names.append(row.full_name)
        for name in names:
            if not re.fullmatch(FULL_NAME_PATTERN, name):
                continue  # It was given up to another repository.
            try:
                info = await self._directory.describe(name)
            except RepositoryNotFoundError:
                continue
            if info.github_id == job.github_id:
                return info
        raise RepositoryNotFoundError

    async def _mark(self, row: Repository | None, problem: RepositoryProblem) -> Repository | None:
        if row is None or row.github_id is None:
            return None
        if await self._watch.mark([row.id], problem):
            context = {"repository": row.full_name, "problem": problem.value}
            _LOG.warning("repository not scanned any more", extra=context)
        return await self._repositories.find(row.github_id)

    async def _scan_default_branch(self, repository: Repository, job: EventJob) -> None:
        """Queue its scan, once an event: errors are the state of the default branch."""
        ref = f"refs/heads/{repository.default_branch}"
        try:
            head = await self._source.resolve(repository.ref, ref)
        except RepositoryNotFoundError:
            await self._mark(repository, RepositoryProblem.DEFAULT_BRANCH_DELETED)
            return
        name = f"{repository.github_id}:{ref}:{head}:{job.delivery}"
        target = ScanTarget(
            repository=repository.full_name,
            trigger=Trigger.API,
            installation_id=repository.installation_id,
            ref=ref,
            commit_sha=head,
            scan_id=str(uuid.uuid5(_NAMESPACE, name)),
        )
        await asyncio.to_thread(self._queue.send, target)


def _state(row: Repository) -> tuple[object, ...]:
    return row.full_name, row.default_branch, row.private, row.archived, row.problem
