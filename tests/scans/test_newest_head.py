"""The newest head wins, whatever order pushes and GitHub's answers come in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from kova_fakes.github import Fault, serve_github
from tests.support.push_desk import NAME, PushDesk

BAD = "def f():\n    BAD(x)\n"
WORSE = "def f():\n    BAD(x)\n    BAD(y)\n"
CLEAN = "def f():\n    (x)\n"
HEAD = "/commits/heads/main$"


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[PushDesk]:
    with serve_github() as github:
        new_desk = PushDesk(github, database_url)
        yield new_desk
        await new_desk.close()


async def test_a_force_push_back_to_a_known_commit_shows_its_errors_again(desk: PushDesk) -> None:
    first = desk.create(a=BAD)
    desk.deliver(desk.github.push_event(NAME))
    await desk.work()
    desk.deliver(desk.push(a=CLEAN))
    await desk.work()
    assert await desk.open_errors() == []
    desk.deliver(desk.force(first))
    await desk.work()
    assert await desk.open_errors() == [("a.py", 2)]


async def test_an_answer_that_was_late_overwrites_no_newer_scan(desk: PushDesk) -> None:
    desk.create(a=BAD)
    desk.deliver(desk.github.push_event(NAME))
    heads: list[str] = []

    async def scan_a_newer_push_meanwhile(sha: str) -> None:
        heads.append(sha)
        if len(heads) == 1:
            desk.deliver(desk.push(a=CLEAN))
            await desk.work_one()

    desk.source.on_the_way = scan_a_newer_push_meanwhile
    await desk.work()
    older, newer = await desk.scans()
    assert (older.status, newer.status) == ("succeeded", "succeeded")
    assert heads == [older.commit_sha, newer.commit_sha]
    assert await desk.open_errors() == []
    assert older.commit_sha is not None
    assert desk.check_runs()[older.commit_sha]["conclusion"] == "failure"


async def test_no_answer_from_before_another_scan_was_applied_counts(desk: PushDesk) -> None:
    desk.create(a=BAD)
    desk.deliver(desk.github.push_event(NAME))
    heads: list[str] = []

    async def note(sha: str) -> None:
        heads.append(sha)

    async def scan_a_newer_push_meanwhile() -> None:
        if len(heads) == 1:
            desk.pushes.on_the_way = None
            desk.deliver(desk.push(a=CLEAN))
            await desk.work_one()

    desk.source.on_the_way = note
    # The older scan was told that its commit is the head, and knows of no other push.
    desk.pushes.on_the_way = scan_a_newer_push_meanwhile
    await desk.work()
    older, newer = await desk.scans()
    assert (older.status, newer.status) == ("succeeded", "succeeded")
    assert heads == [older.commit_sha, newer.commit_sha, newer.commit_sha]
    assert await desk.open_errors() == []
    assert (await desk.execute("SELECT generation FROM repository_states")) == [{"generation": 1}]


async def test_a_stale_answer_just_after_the_push_is_asked_again(desk: PushDesk) -> None:
    desk.create(a=CLEAN)
    desk.deliver(desk.github.push_event(NAME))
    await desk.work()
    desk.github.inject(Fault(kind="stale", path=HEAD, times=3))
    desk.deliver(desk.push(a=BAD))
    await desk.work()
    assert await desk.open_errors() == [("a.py", 2)]
