"""The buttons of a check run do what the API does, for people who may write, and once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from kova.adapters.memory.conversation import MemoryConversation
from kova.adapters.memory.queues import MemoryScanQueue
from kova.errors.error import ErrorStatus
from kova.errors.ignore_errors import IgnoreErrors
from kova.events.event import EventJob, EventKind
from kova.events.press_check_button import PressCheckButton
from kova.fixes.fix import FixStatus
from kova.fixes.publish_fix import PublishFix
from kova.scans.scan import FIX_BUTTON, IGNORE_BUTTON
from kova.shared.audit import Action
from kova.shared.exceptions import GitHubUnavailableError
from kova.shared.page import PageRequest
from kova.shared.reach import EVERYTHING
from tests.support.stores import NAME
from tests.support.workshop import Workshop

BAD = "def f():\n    BAD(x)\n"


class IntroducedRows:
    """Implements events.ports.IntroducedErrors over the twin of the database."""

    def __init__(self, workshop: Workshop) -> None:
        self._database = workshop.database

    async def introduced(self, repository_id: str, commit_sha: str, limit: int) -> Sequence[str]:
        rows = self._database.errors.values()
        return [
            row.id
            for row in rows
            if (row.repository_id, row.introduced_in) == (repository_id, commit_sha)
            and row.status is ErrorStatus.OPEN
        ][:limit]


class Buttons:
    """The use case beside what it changes."""

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self.queue = MemoryScanQueue()
        self.conversation = MemoryConversation({"writer": "write", "reader": "read"})
        stores = workshop.stores
        self.use_case = PressCheckButton(
            repositories=stores.repositories,
            conversation=self.conversation,
            fixes=stores.fixes,
            publish=PublishFix(
                fixes=stores.fixes,
                repositories=stores.repositories,
                source=workshop.source,
                publisher=workshop.publisher,
                limits=workshop.limits,
                pulls=workshop.pulls,
            ),
            errors=IntroducedRows(workshop),
            ignore=IgnoreErrors(errors=stores.errors),
            audit=stores.audit,
            queue=self.queue,
        )

    async def press(self, action: str, **fields: Any) -> None:
        repository = await self.workshop.repository()
        head = await self.workshop.source.resolve(repository.ref, "main")
        job = EventJob(
            kind=EventKind.BUTTON,
            action=action,
            repository=NAME,
            delivery="guid",
            github_id=repository.github_id,
            commit_sha=head,
            sender="writer",
        )
        await self.use_case.press(replace(job, **fields))

    async def audited(self) -> list[str]:
        page = await self.workshop.stores.audit.page(PageRequest())
        return [record.action.value for record in page.items]

    async def fix_status(self) -> FixStatus:
        page = await self.workshop.stores.fixes.page(PageRequest(), None, None, EVERYTHING)
        (fix,) = page.items
        return fix.status

    def error_statuses(self) -> list[ErrorStatus]:
        return [row.status for row in self.workshop.database.errors.values()]


@pytest.fixture
async def buttons(workshop: Workshop) -> Buttons:
    """A scanned repository with an introduced error, and a fix of it that waits for a person."""
    workshop.push(b="x = 1\n")
    await workshop.scan()
    workshop.push(a=BAD, b="x = 1\n")
    workshop.tool.safe = False
    await workshop.scan()
    return Buttons(workshop)


async def test_fix_this_opens_the_pull_requests_once_and_says_by_whom(buttons: Buttons) -> None:
    await buttons.press(FIX_BUTTON)
    await buttons.press(FIX_BUTTON)
    assert await buttons.fix_status() is FixStatus.PUBLISHED
    assert len(buttons.workshop.publisher.pull_requests) == 1
    assert await buttons.audited() == [Action.FIX_PUBLISHED.value]


async def test_ignore_ignores_what_is_new_and_brings_the_check_up_to_date(
    buttons: Buttons,
) -> None:
    await buttons.press(IGNORE_BUTTON)
    assert buttons.error_statuses() == [ErrorStatus.IGNORED]
    (target,) = buttons.queue.targets()
    assert (target.rerun, target.repository) == (True, NAME)
    await buttons.press(IGNORE_BUTTON)
    assert len(buttons.queue.targets()) == 1


@pytest.mark.parametrize("action", [FIX_BUTTON, IGNORE_BUTTON])
@pytest.mark.parametrize(
    "fields", [{"sender": "reader"}, {"sender": "stranger"}, {"sender": None}, {"github_id": 404}]
)
async def test_nobody_else_changes_anything(
    buttons: Buttons, action: str, fields: dict[str, Any]
) -> None:
    await buttons.press(action, **fields)
    assert await buttons.fix_status() is FixStatus.VERIFIED
    assert buttons.error_statuses() == [ErrorStatus.OPEN]
    assert buttons.queue.targets() == []
    assert await buttons.audited() == []


async def test_a_fix_of_a_file_that_moved_on_is_left_out(buttons: Buttons) -> None:
    buttons.workshop.push(a="x = 2\n" + BAD, b="x = 1\n")
    await buttons.press(FIX_BUTTON)
    assert await buttons.fix_status() is FixStatus.VERIFIED
    assert buttons.workshop.publisher.pull_requests == {}


async def test_an_outage_of_github_is_waited_for(buttons: Buttons) -> None:
    buttons.conversation.available = False
    with pytest.raises(GitHubUnavailableError):
        await buttons.press(FIX_BUTTON)
    assert await buttons.fix_status() is FixStatus.VERIFIED
