"""Watched repositories in memory."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import asdict, replace

from kova.adapters.memory.database import MemoryDatabase
from kova.adapters.memory.pages import newest_first
from kova.errors.error import ErrorStatus
from kova.shared.audit import Action, AuditEvent
from kova.shared.page import Page, PageRequest, Position
from kova.shared.reach import Reach
from kova.shared.repository import AutoFix, Repository, RepositoryChange, RepositoryInfo
from kova.shared.severity import Severity


class MemoryRepositoryStore:
    """Implements shared.ports.RepositoryStore."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def save(self, info: RepositoryInfo) -> Repository:
        """Create or update by GitHub's number; another repository with the name loses it."""
        now, rows = self._database.now(), self._database.repositories
        namesake = self._database.find_repository(info.full_name)
        if namesake is not None and namesake.github_id != info.github_id:
            full_name = f"{namesake.full_name}#{namesake.id}"
            rows[namesake.id] = replace(namesake, full_name=full_name)
        existing = next((row for row in rows.values() if row.github_id == info.github_id), None)
        repository = existing or Repository(
            id=str(uuid.uuid4()),
            full_name=info.full_name,
            github_id=info.github_id,
            installation_id=info.installation_id,
            default_branch=info.default_branch,
            private=info.private,
            auto_fix=AutoFix.PULL_REQUEST,
            fail_on=Severity.HIGH,
            monthly_budget_usd=None,
            created_at=now,
        )
        repository = replace(
            repository,
            full_name=info.full_name,
            installation_id=info.installation_id or repository.installation_id,
            default_branch=info.default_branch,
            private=info.private,
        )
        if info.archived is not None:
            repository = replace(
                repository, archived=info.archived, problem=None, problem_since=None
            )
        rows[repository.id] = repository
        return self._with_counts(repository)

    async def get(self, full_name: str, reach: Reach) -> Repository | None:
        """Find it by name."""
        repository = self._database.find_repository(full_name)
        if repository is None or not reach.covers(full_name):
            return None
        return self._with_counts(repository)

    async def find(self, github_id: int) -> Repository | None:
        """Find it by GitHub's number."""
        rows = self._database.repositories.values()
        repository = next((row for row in rows if row.github_id == github_id), None)
        return self._with_counts(repository) if repository else None

    async def change(
        self, full_name: str, change: RepositoryChange, actor: str, reach: Reach
    ) -> Repository | None:
        """Change what is named, leave the rest, and record who did it."""
        repository = self._database.find_repository(full_name)
        if repository is None or not reach.covers(full_name):
            return None
        changed = {name: value for name, value in asdict(change).items() if name in change.named}
        detail = {name: None if value is None else str(value) for name, value in changed.items()}
        self._database.repositories[repository.id] = replace(repository, **changed)
        event = AuditEvent(
            actor=actor, action=Action.REPOSITORY_CHANGED, target=full_name, detail=detail
        )
        self._database.record_event(event, str(uuid.uuid4()))
        return await self.get(full_name, reach)

    async def page(self, request: PageRequest, reach: Reach) -> Page[Repository]:
        """List those in the reach, with counts of open errors by severity."""
        self._database.check()
        rows = self._database.repositories.values()
        return newest_first(
            [self._with_counts(row) for row in rows if reach.covers(row.full_name)],
            request,
            lambda row: Position(at=row.created_at, id=row.id),
        )

    def _with_counts(self, repository: Repository) -> Repository:
        counts = Counter(
            row.finding.severity
            for row in self._database.errors.values()
            if row.repository_id == repository.id and row.status is ErrorStatus.OPEN
        )
        open_errors = {severity.value: counts[severity] for severity in Severity}
        return replace(repository, open_errors=open_errors)
