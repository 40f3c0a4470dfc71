"""A repository's row follows what GitHub shows, whatever came first and whose name is whose."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import pytest

from kova.adapters.memory.code_source import MemoryCodeSource
from kova.adapters.memory.queues import MemoryScanQueue
from kova.adapters.postgres.pool import Database
from kova.adapters.postgres.repositories import PostgresRepositoryStore
from kova.adapters.postgres.repository_watch import PostgresRepositoryWatch
from kova.events.event import EventJob, EventKind
from kova.events.refresh_installation import RefreshInstallation
from kova.events.refresh_repository import MOST_LOOKS, RefreshRepository
from kova.shared.exceptions import (
    GitHubRefusedError,
    GitHubUnavailableError,
    KovaError,
    OwnerNotAllowedError,
    RepositoryNotFoundError,
)
from kova.shared.repository import Repository, RepositoryInfo, RepositoryProblem

NAME: Final = "octo/sample"
INFO: Final = RepositoryInfo(
    full_name=NAME,
    github_id=7,
    installation_id=42,
    default_branch="main",
    private=False,
    archived=False,
)
Answer = RepositoryInfo | KovaError


@dataclass
class StandInDirectory:
    """Answers about each name one after the other, the last answer for ever."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def describe(self, full_name: str) -> RepositoryInfo:
        self.asked.append(full_name)
        answers = self.answers.get(full_name, [RepositoryNotFoundError()])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, KovaError):
            raise answer
        return answer

    async def installed(self, installation_id: int) -> Sequence[RepositoryInfo]:
        info = await self.describe(str(installation_id))
        return [] if info.github_id == 0 else [info]


@dataclass
class RefreshDesk:
    """What refreshes, and the row that it refreshes."""

    repositories: PostgresRepositoryStore
    watch: PostgresRepositoryWatch
    directory: StandInDirectory
    source: MemoryCodeSource
    queue: MemoryScanQueue

    async def refresh(self, action: str, *, name: str = NAME, attempt: int = 0) -> None:
        refresh = RefreshRepository(
            repositories=self.repositories,
            watch=self.watch,
            directory=self.directory,
            source=self.source,
            queue=self.queue,
        )
        job = EventJob(
            kind=EventKind.REPOSITORY,
            action=action,
            repository=name,
            delivery="guid",
            github_id=INFO.github_id,
        )
        await refresh.refresh(job, attempt)

    async def refresh_installation(self) -> None:
        refresh = RefreshInstallation(
            repositories=self.repositories, watch=self.watch, directory=self.directory
        )
        job = EventJob(
            kind=EventKind.INSTALLATION,
            action="removed",
            repository="octo/-",
            delivery="guid",
            installation_id=INFO.installation_id,
        )
        await refresh.refresh(job)

    async def row(self) -> Repository:
        row = await self.repositories.find(INFO.github_id)
        assert row is not None
        return row


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[RefreshDesk]:
    database = Database(database_url)
    repositories = PostgresRepositoryStore(database)
    await repositories.save(INFO)
    yield RefreshDesk(
        repositories=repositories,
        watch=PostgresRepositoryWatch(database),
        directory=StandInDirectory(),
        source=MemoryCodeSource(),
        queue=MemoryScanQueue(),
    )
    await database.close()


async def test_what_github_does_not_show_yet_is_asked_for_again(desk: RefreshDesk) -> None:
    for attempt in range(3):
        with pytest.raises(RepositoryNotFoundError):
            await desk.refresh("renamed", attempt=attempt)
        assert (await desk.row()).problem is None
    await desk.refresh("renamed", attempt=3)
    assert (await desk.row()).problem is RepositoryProblem.NOT_FOUND


async def test_what_was_deleted_and_is_still_shown_is_asked_for_again(desk: RefreshDesk) -> None:
    desk.directory.answers[NAME] = [INFO]
    for attempt in range(3):
        with pytest.raises(GitHubUnavailableError):
            await desk.refresh("deleted", attempt=attempt)
    await desk.refresh("deleted", attempt=3)  # It was restored.
    assert (await desk.row()).problem is None
    desk.directory.answers.clear()
    await desk.refresh("deleted")
    assert (await desk.row()).problem is RepositoryProblem.DELETED


async def test_a_name_that_belongs_to_another_one_says_nothing(desk: RefreshDesk) -> None:
    desk.directory.answers["octo/former"] = [replace(INFO, full_name="octo/former", github_id=8)]
    desk.directory.answers[NAME] = [replace(INFO, private=True)]
    await desk.refresh("privatized", name="octo/former")
    assert (await desk.row()).private
    desk.directory.answers[NAME] = [replace(INFO, github_id=9)]
    await desk.refresh("deleted", name="octo/former")
    assert (await desk.row()).problem is RepositoryProblem.DELETED


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (OwnerNotAllowedError(), RepositoryProblem.OWNER_NOT_ALLOWED),
        (GitHubRefusedError(refusal="forbidden"), RepositoryProblem.SUSPENDED),
    ],
)
async def test_what_kova_may_not_see_is_marked_with_the_reason(
    desk: RefreshDesk, error: KovaError, problem: RepositoryProblem
) -> None:
    desk.directory.answers[NAME] = [error]
    await desk.refresh("transferred")
    assert (await desk.row()).problem is problem
    desk.directory.answers[NAME] = [INFO]
    await desk.refresh("transferred")
    assert (await desk.row()).problem is None


async def test_it_is_looked_at_until_a_look_changes_nothing(desk: RefreshDesk) -> None:
    changed = replace(INFO, private=True)
    desk.directory.answers[NAME] = [changed, INFO, INFO]
    await desk.refresh("privatized")
    assert (await desk.row()).private is False
    assert len(desk.directory.asked) == 3
    desk.directory.asked.clear()
    await desk.refresh("privatized")
    assert len(desk.directory.asked) == 1
    desk.directory.asked.clear()
    desk.directory.answers[NAME] = [changed, INFO] * 10
    await desk.refresh("privatized")
    assert len(desk.directory.asked) == MOST_LOOKS


async def test_an_unknown_repository_that_is_gone_leaves_no_row(desk: RefreshDesk) -> None:
    await desk.repositories.save(replace(INFO, github_id=8))
    job = replace(
        EventJob(kind=EventKind.REPOSITORY, action="deleted", repository=NAME, delivery="guid"),
        github_id=99,
    )
    refresh = RefreshRepository(
        repositories=desk.repositories,
        watch=desk.watch,
        directory=desk.directory,
        source=desk.source,
        queue=desk.queue,
    )
    await refresh.refresh(job, 0)
    assert await desk.repositories.find(99) is None


async def test_a_default_branch_is_scanned_once_an_event(desk: RefreshDesk) -> None:
    desk.source.create_repository(NAME)
    desk.source.push(NAME, {"a.py": b""}, branch="next")
    desk.directory.answers[NAME] = [replace(INFO, default_branch="next")]
    for _ in range(2):
        await desk.refresh("edited")
    first, second = desk.queue.targets()
    assert first == second
    assert (first.ref, first.scan_id is not None) == ("refs/heads/next", True)
    await desk.refresh("privatized")
    assert len(desk.queue.targets()) == 2


async def test_an_installation_is_looked_at_until_a_look_changes_nothing(desk: RefreshDesk) -> None:
    nothing = replace(INFO, github_id=0)
    desk.directory.answers["42"] = [nothing, INFO, INFO]
    await desk.refresh_installation()
    assert (await desk.row()).problem is None
    assert len(desk.directory.asked) == 3
    desk.directory.answers["42"] = [nothing]
    await desk.refresh_installation()
    assert (await desk.row()).problem is RepositoryProblem.REMOVED


async def test_a_failure_of_github_marks_nothing(desk: RefreshDesk) -> None:
    for error in (GitHubUnavailableError(), GitHubRefusedError(refusal="other")):
        desk.directory.answers[NAME] = desk.directory.answers["42"] = [error]
        with pytest.raises(type(error)):
            await desk.refresh("renamed", attempt=9)
        with pytest.raises(type(error)):
            await desk.refresh_installation()
    assert (await desk.row()).problem is None
