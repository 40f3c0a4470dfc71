"""An event goes to what it is about, and its delivery is remembered when that is done."""

from __future__ import annotations

from typing import Any

import pytest

from kova.adapters.memory.code_source import MemoryCodeSource
from kova.adapters.memory.queues import MemoryScanQueue
from kova.adapters.postgres.pool import Database
from kova.adapters.postgres.repository_watch import PostgresRepositoryWatch
from kova.events.event import EventJob, EventKind
from kova.events.follow_event import FollowEvent
from kova.events.handle_event import HandleEvent
from kova.events.message import event_message
from kova.events.refresh_installation import RefreshInstallation
from kova.events.refresh_repository import RefreshRepository
from kova.fixes.fix import FixStatus
from kova.fixes.follow_pull_requests import FollowPullRequests
from kova.fixes.publisher import PullState
from kova.scans.scan import FIX_BUTTON
from kova.scans.settle_scan import SettleScan
from kova.shared.exceptions import (
    GitHubUnavailableError,
    OwnerNotAllowedError,
    RedisUnavailableError,
)
from kova.shared.run_job import Later, SettledError
from tests.events.test_press_check_button import BAD, Buttons
from tests.events.test_refresh_repository import INFO, StandInDirectory
from tests.support.stores import NAME
from tests.support.workshop import Workshop


class AwayRights:
    """Implements events.ports.RightsChange while Redis is away."""

    async def note_change(self) -> None:
        raise RedisUnavailableError


class Events:
    """The use case over twins; what watches repositories is over Postgres."""

    def __init__(self, workshop: Workshop, database_url: str) -> None:
        self.workshop = workshop
        self.buttons = Buttons(workshop)
        self.directory = StandInDirectory()
        self.database = Database(database_url, max_size=2)
        stores, watch = workshop.stores, PostgresRepositoryWatch(self.database)
        self.use_case = HandleEvent(
            repository=RefreshRepository(
                repositories=stores.repositories,
                watch=watch,
                directory=self.directory,
                source=MemoryCodeSource(),
                queue=MemoryScanQueue(),
            ),
            installation=RefreshInstallation(
                repositories=stores.repositories, watch=watch, directory=self.directory
            ),
            follow=FollowEvent(
                repositories=stores.repositories,
                follow=FollowPullRequests(fixes=stores.fixes, publisher=workshop.publisher),
                pulls=workshop.pulls,
            ),
            press=self.buttons.use_case,
            deliveries=stores.deliveries,
            rights=AwayRights(),
            settle=SettleScan(scans=stores.scans, tell=workshop.tell, now=workshop.database.clock),
        )

    async def handle(self, kind: EventKind, **fields: Any) -> None:
        repository = await self.workshop.repository()
        values = {"action": "edited", "delivery": "guid", "github_id": repository.github_id}
        event = EventJob(kind=kind, repository=NAME, **{**values, **fields})
        await self.use_case.handle(event, event_message(event))

    async def is_remembered(self) -> bool:
        return "guid" in await self.workshop.stores.deliveries.handled(["guid"])


@pytest.fixture
async def events(workshop: Workshop, database_url: str) -> Any:
    new_events = Events(workshop, database_url)
    yield new_events
    await new_events.database.close()


async def test_a_pull_request_is_followed(events: Events) -> None:
    events.workshop.push(a=BAD)
    await events.workshop.scan()
    ((name, branch),) = events.workshop.publisher.pull_requests
    url = f"https://github.example/{name}/pull/1"
    events.workshop.publisher.states[url] = PullState.CLOSED
    await events.handle(EventKind.PULL_REQUEST, number=1)
    assert await events.buttons.fix_status() is FixStatus.CLOSED
    assert branch == "kova/fix-main"
    assert await events.is_remembered()


async def test_a_button_is_pressed(events: Events) -> None:
    events.workshop.push(a=BAD)
    events.workshop.tool.safe = False
    await events.workshop.scan()
    await events.handle(EventKind.BUTTON, action=FIX_BUTTON, sender="writer", commit_sha="1" * 40)
    assert await events.buttons.fix_status() is FixStatus.PUBLISHED
    assert await events.is_remembered()


async def test_a_repository_is_looked_at_though_redis_is_away(events: Events) -> None:
    events.directory.answers[NAME] = [INFO]
    await events.handle(EventKind.REPOSITORY, github_id=INFO.github_id)
    assert set(events.directory.asked) == {NAME}
    assert await events.is_remembered()


async def test_an_outage_is_waited_for_and_nothing_is_remembered(events: Events) -> None:
    events.buttons.conversation.available = False
    with pytest.raises(SettledError) as caught:
        await events.handle(EventKind.BUTTON, action=FIX_BUTTON, sender="writer")
    assert isinstance(caught.value.plan, Later)
    assert isinstance(caught.value.__cause__, GitHubUnavailableError)
    assert not await events.is_remembered()


async def test_an_owner_that_kova_does_not_work_for_is_ignored(events: Events) -> None:
    events.directory.answers["42"] = [OwnerNotAllowedError()]
    await events.handle(EventKind.INSTALLATION, action="created", installation_id=42)
    assert events.directory.asked == ["42"]
    assert not await events.is_remembered()
