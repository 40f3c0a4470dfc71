"""Small stand-ins for the ports of other rooms, for tests that need one repository or one file."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kova.adapters.memory.availability import Switchable
from kova.code_index.index_repository import blob_sha
from kova.errors.error import (
    ErrorRecord,
    ErrorStatus,
    IgnoreDecision,
    IgnoredTogether,
    RuleCount,
)
from kova.errors.ports import ErrorFilter
from kova.shared.code_source import Comparison, FetchLimits, PullRequest, Tree, TreeFile
from kova.shared.exceptions import (
    GitHubUnavailableError,
    RepositoryNotFoundError,
)
from kova.shared.page import Page, PageRequest
from kova.shared.reach import Reach
from kova.shared.repository import (
    RepositoryInfo,
    RepositoryRef,
)
from kova.shared.skipped import Skipped


@dataclass
class StandInSource(Switchable):
    """A GitHub of one repository: files by commit, commits by ref."""

    info: RepositoryInfo
    commits: dict[str, Mapping[str, bytes]]
    refs: dict[str, str]
    pulls: dict[int, PullRequest] = field(default_factory=dict)
    comparison: Comparison | None = None
    absent: frozenset[str] = frozenset()
    """Paths that cannot be downloaded."""
    hangs: bool = False
    downloads: list[tuple[str, ...]] = field(default_factory=list)

    outage = GitHubUnavailableError

    async def repository(self, repository_ref: RepositoryRef) -> RepositoryInfo:
        self.check()
        if repository_ref.full_name.lower() != self.info.full_name.lower():
            raise RepositoryNotFoundError
        return self.info

    async def resolve(self, repository_ref: RepositoryRef, ref: str) -> str:
        await self.repository(repository_ref)
        if ref not in self.refs:
            raise RepositoryNotFoundError
        return self.refs[ref]

    async def tree(self, repository_ref: RepositoryRef, commit_sha: str) -> Tree:
        await self.repository(repository_ref)
        return Tree(
            commit_sha=commit_sha,
            files=tree_files(self.commits[commit_sha]),
            skipped=(),
            complete=True,
        )

    async def root_file(
        self, repository_ref: RepositoryRef, ref: str, name: str, limit: int
    ) -> bytes | None:
        commit_sha = await self.resolve(repository_ref, ref)
        content = self.commits[commit_sha].get(name)
        return content if content is None or len(content) <= limit else b"\0" * (limit + 1)

    async def compare(
        self,
        repository_ref: RepositoryRef,
        base: str,  # noqa: ARG002
        head: str,  # noqa: ARG002
    ) -> Comparison:
        await self.repository(repository_ref)
        assert self.comparison is not None
        return self.comparison

    async def pull_request(self, repository_ref: RepositoryRef, number: int) -> PullRequest:
        await self.repository(repository_ref)
        if number not in self.pulls:
            raise RepositoryNotFoundError
        return self.pulls[number]

    async def download(
        self,
        repository_ref: RepositoryRef,
        commit_sha: str,
        files: Sequence[TreeFile],
        folder: Path,
        limits: FetchLimits,  # noqa: ARG002
    ) -> tuple[Skipped, ...]:
        await self.repository(repository_ref)
        self.downloads.append(tuple(file.path for file in files))
        if self.hangs:
            await asyncio.Event().wait()
        for file in files:
            if file.path not in self.absent:
                (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
                (folder / file.path).write_bytes(self.commits[commit_sha][file.path])
        return tuple(
            Skipped(path=file.path, reason="not_fetched")
            for file in files
            if file.path in self.absent
        )


class StandInErrors(Switchable):
    """Errors of one repository: what reading and ignoring them needs of ErrorStore."""

    def __init__(self, *errors: ErrorRecord) -> None:
        self._errors = {error.id: error for error in errors}

    async def get(self, error_id: str, reach: Reach) -> ErrorRecord | None:
        self.check()
        error = self._errors.get(error_id)
        return error if error is not None and reach.covers(error.repository) else None

    async def page(
        self, request: PageRequest, filters: ErrorFilter, reach: Reach
    ) -> Page[ErrorRecord]:
        self.check()
        matching = [
            error
            for error in self._errors.values()
            if _matches(error, filters) and reach.covers(error.repository)
        ]
        return Page(items=tuple(matching[: request.limit]), next=None)

    async def rules(self, full_name: str) -> list[RuleCount]:
        self.check()
        names = {(error.finding.analyzer, error.finding.rule_id) for error in self._live(full_name)}
        return [
            RuleCount(
                analyzer=analyzer,
                rule_id=rule_id,
                open=sum(
                    error.finding.rule_id == rule_id and error.status is ErrorStatus.OPEN
                    for error in self._live(full_name)
                ),
            )
            for analyzer, rule_id in sorted(names)
        ]

    async def ignore(
        self, error_id: str, decision: IgnoreDecision, reach: Reach
    ) -> ErrorRecord | None:
        error = await self.get(error_id, reach)
        if error is None or error.status is not ErrorStatus.OPEN:
            return error
        self._errors[error_id] = replace(error, status=ErrorStatus.IGNORED, ignored=decision)
        return self._errors[error_id]

    async def ignore_together(
        self, error_ids: Sequence[str], decision: IgnoreDecision, reach: Reach
    ) -> IgnoredTogether:
        errors = [await self.ignore(error_id, decision, reach) for error_id in error_ids]
        return IgnoredTogether(errors=tuple(error for error in errors if error is not None))

    def _live(self, full_name: str) -> list[ErrorRecord]:
        live = {ErrorStatus.OPEN, ErrorStatus.IGNORED}
        return [
            error
            for error in self._errors.values()
            if error.repository == full_name and error.status in live
        ]


def tree_files(files: Mapping[str, bytes]) -> tuple[TreeFile, ...]:
    """Return the files as a commit's tree lists them."""
    return tuple(
        TreeFile(path=path, sha=blob_sha(content), size=len(content))
        for path, content in sorted(files.items())
    )


def _matches(error: ErrorRecord, filters: ErrorFilter) -> bool:
    finding = error.finding
    values = {
        "repository": error.repository,
        "status": error.status,
        "analyzer": finding.analyzer,
        "rule": finding.rule_id,
        "path": finding.path,
    }
    return all(getattr(filters, name) in {None, value} for name, value in values.items())
