"""Workers that follow, offer and withdraw the same pull requests wait for each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from datetime import timedelta
from typing import Any

import pytest

from kova.events.event import EventJob, EventKind
from kova.events.follow_event import FollowEvent
from kova.fixes.follow_pull_requests import FollowPullRequests
from kova.fixes.hold_pulls import HoldPulls
from kova_fakes.github import people, serve_github
from tests.support.push_desk import NAME, PushDesk, statuses

BAD = "def f():\n    BAD(x)\n"
CLEAN = "def f():\n    (x)\n"


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[PushDesk]:
    with serve_github() as github:
        new_desk = PushDesk(github, database_url)
        yield new_desk
        await new_desk.close()


class Rival:
    """Work that another worker begins in the middle of something, as far as it is let."""

    def __init__(self, desk: PushDesk) -> None:
        self._desk = desk
        self._task: asyncio.Task[None] | None = None

    async def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Let it run until it has ended or has to wait."""
        must_wait = asyncio.Event()

        async def see(token: str | None) -> None:
            if token is None:
                must_wait.set()

        self._desk.pull_leases.hooks["take"] = see
        self._task = asyncio.create_task(work)
        waiting = asyncio.create_task(must_wait.wait())
        await asyncio.wait([self._task, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()

    async def end(self) -> None:
        assert self._task is not None
        await self._task


def hook_find_pull(desk: PushDesk, call: int, work: Any) -> None:
    """Call once, when so many answers about a pull request were given, before they are used."""
    calls = 0

    async def count(_: object) -> None:
        nonlocal calls
        calls += 1
        if calls == call:
            await work()

    desk.publisher.hooks["find_pull"] = count


def pull_states(desk: PushDesk) -> list[str]:
    return [pull["state"] for pull in desk.github.state.repository(NAME).pulls]


async def fix_statuses(desk: PushDesk) -> list[str]:
    return [row["status"] for row in await desk.execute("SELECT status FROM auto_fixes")]


async def test_errors_that_come_back_while_their_pull_request_is_withdrawn_are_offered_again(
    desk: PushDesk,
) -> None:
    first, rival = desk.create(a=BAD), Rival(desk)
    desk.deliver(first)
    await desk.work()
    assert pull_states(desk) == ["open"]

    async def come_back() -> None:
        desk.deliver(desk.force(first["after"]))
        await rival.begin(desk.work_one())

    # The scan of the clean commit asks twice: to follow it, and before it withdraws it.
    hook_find_pull(desk, 2, come_back)
    desk.deliver(desk.push(a=CLEAN))
    await desk.work_one()
    await rival.end()
    await desk.work()
    assert await statuses(desk) == ["succeeded"] * 3
    assert await desk.open_errors() == [("a.py", 2)]
    assert await fix_statuses(desk) == ["published"]
    assert pull_states(desk) == ["closed", "open"]


async def test_an_answer_about_a_pull_request_that_people_close_meanwhile_undoes_no_decision(
    desk: PushDesk,
) -> None:
    desk.deliver(desk.create(a=BAD))
    await desk.work()
    rival, repository = Rival(desk), desk.github.state.repository(NAME)
    event = FollowEvent(
        repositories=desk.stores.repositories,
        follow=FollowPullRequests(fixes=desk.stores.fixes, publisher=desk.publisher),
        pulls=HoldPulls(desk.stores.pull_leases),
    )

    async def close_and_push() -> None:
        people.close_pull(repository, 1)
        desk.deliver(desk.push(a=BAD, b="x = 1\n"))
        await rival.begin(desk.work_one())

    hook_find_pull(desk, 1, close_and_push)
    job = EventJob(
        kind=EventKind.PULL_REQUEST,
        action="synchronize",
        repository=NAME,
        delivery="guid",
        github_id=repository.id,
        number=1,
    )
    await event.follow(job)
    await rival.end()
    await desk.work()
    assert pull_states(desk) == ["closed"]
    rows = await desk.execute("SELECT status, declined FROM auto_fixes")
    assert [(row["status"], row["declined"]) for row in rows] == [("closed", True)]


async def test_the_lease_of_a_worker_that_was_killed_ends(desk: PushDesk) -> None:
    desk.deliver(desk.create(a=BAD))
    await desk.work()
    (row,) = await desk.execute("SELECT id FROM repositories")
    assert (
        await desk.stores.pull_leases.take(str(row["id"]), timedelta(milliseconds=500)) is not None
    )
    desk.deliver(desk.push(a=BAD, b=BAD))
    await desk.work()
    assert await statuses(desk) == ["succeeded"] * 2
    assert await fix_statuses(desk) == ["published"] * 2
