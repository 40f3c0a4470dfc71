"""A newer push supersedes a scan that waits, and nothing else does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from kova_fakes.github import Fault, serve_github
from kova_fakes.github.faults import Kind
from tests.support.push_desk import NAME, KilledError, PushDesk, scan_of, statuses

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


async def test_an_older_push_that_comes_late_is_skipped_and_says_for_what(desk: PushDesk) -> None:
    older, newer = desk.create(a=BAD), desk.push(a=WORSE)
    desk.deliver(newer)
    await desk.work()
    desk.deliver(older, guid="late")
    await desk.work()
    scan = await scan_of(desk, older["after"])
    assert (scan.status, scan.attempts, scan.started_at) == ("skipped", 0, None)
    assert scan.failure == (
        f"superseded: {newer['after']} was pushed to main before a worker took this one up."
    )
    run = desk.check_runs()[older["after"]]
    assert (run["status"], run["conclusion"]) == ("completed", "neutral")
    assert run["output"]["title"] == "A newer push came before the scan"
    assert newer["after"] in run["output"]["summary"]
    assert scan.check_run_url == run["html_url"]
    assert await desk.stores.deliveries.scan_of("late") == scan.id
    assert await desk.open_errors() == desk.true_errors()


async def test_after_an_outage_only_the_newest_push_of_a_branch_is_scanned(desk: PushDesk) -> None:
    payloads = [desk.create(a=BAD), desk.push(a=WORSE), desk.push(a=CLEAN)]
    desk.github.inject(Fault(kind="500", path="/git/trees/", times=30))
    for payload in payloads:
        desk.deliver(payload)
    await desk.work(until=timedelta(seconds=1))
    assert await statuses(desk) == ["queued"] * 3
    desk.github.clear_faults()
    await desk.work()
    assert await statuses(desk) == ["skipped", "skipped", "succeeded"]
    assert await desk.open_errors() == desk.true_errors()
    assert len(desk.queue) == 0


async def test_a_scan_of_the_head_that_ends_while_an_older_push_is_skipped_stays_told(
    desk: PushDesk,
) -> None:
    older, newer = desk.create(a=BAD), desk.push(a=WORSE)
    desk.deliver(newer)
    await desk.work()
    desk.deliver(older)

    async def scan_the_head(_: object) -> None:
        del desk.scan_rows.hooks["skip"]
        desk.deliver(desk.force(older["after"]))
        await desk.work_one()

    desk.scan_rows.hooks["skip"] = scan_the_head
    await desk.work()
    assert sorted(await statuses(desk)) == ["skipped", "succeeded", "succeeded"]
    runs = [run for run in desk.github.state.check_runs(NAME) if run["head_sha"] == desk.head()]
    assert [run["conclusion"] for run in runs] == ["success"]  # It mends one of two errors.


async def test_a_worker_that_dies_while_it_skips_a_scan_still_says_so_on_the_commit(
    desk: PushDesk,
) -> None:
    older, newer = desk.create(a=BAD), desk.push(a=WORSE)
    desk.deliver(newer)
    await desk.work()
    desk.deliver(older)
    deaths = 0

    async def die_once(_: object) -> None:
        nonlocal deaths
        deaths += 1
        if deaths == 1:
            raise KilledError

    desk.scan_rows.hooks["skip"] = die_once
    await desk.work()
    assert deaths == 1
    assert (await scan_of(desk, older["after"])).status == "skipped"
    assert desk.check_runs()[older["after"]]["conclusion"] == "neutral"


@pytest.mark.parametrize("kind", ["401", "422"])
@pytest.mark.parametrize(("times", "is_said"), [(2, True), (60, False)])
async def test_a_refusal_to_say_that_a_scan_was_skipped_is_tried_again_for_a_while(
    desk: PushDesk, kind: Kind, times: int, is_said: bool
) -> None:
    older, newer = desk.create(a=BAD), desk.push(a=WORSE)
    desk.deliver(newer)
    await desk.work()
    desk.github.inject(
        Fault(kind=kind, method="POST", path="/(check-runs|statuses/.*)$", times=times)
    )
    desk.deliver(older)
    await desk.work()
    assert (await scan_of(desk, older["after"])).status == "skipped"
    assert (older["after"] in desk.check_runs()) is is_said
    assert len(desk.queue) == 0


@pytest.mark.parametrize("kind", ["502", "html", "403"])
async def test_an_outage_while_it_is_said_that_a_scan_was_skipped_is_waited_for(
    desk: PushDesk, kind: Kind
) -> None:
    older, newer = desk.create(a=BAD), desk.push(a=WORSE)
    desk.deliver(newer)
    await desk.work()
    # Longer than a call is repeated at once.
    desk.github.inject(Fault(kind=kind, path="/check-runs$", times=6))
    desk.deliver(older)
    await desk.work()
    assert (await scan_of(desk, older["after"])).status == "skipped"
    assert desk.check_runs()[older["after"]]["conclusion"] == "neutral"
    assert len(desk.queue) == 0


async def test_the_check_of_a_commit_that_was_scanned_stays_when_a_later_push_of_it_is_skipped(
    desk: PushDesk,
) -> None:
    first = desk.create(a=BAD)
    desk.deliver(first)
    desk.deliver(desk.push(a=CLEAN))
    await desk.work()
    again, newest = desk.force(first["after"]), desk.push(a=WORSE)
    desk.deliver(newest)
    await desk.work()
    desk.deliver(again)
    await desk.work()
    assert (await statuses(desk))[-1] == "skipped"
    assert desk.check_runs()[first["after"]]["conclusion"] == "failure"


async def test_what_is_asked_for_by_hand_is_scanned_though_a_newer_push_is_known(
    desk: PushDesk,
) -> None:
    older, newer = desk.create(a=BAD), desk.push(a=CLEAN)
    desk.deliver(newer)
    await desk.work()
    desk.deliver(older)
    await desk.work()
    run = desk.check_runs()[older["after"]]
    desk.deliver(desk.github.rerequest_event(NAME, run["id"]), event="check_run")
    await desk.work()
    assert desk.check_runs()[older["after"]]["conclusion"] == "failure"
    assert (await scan_of(desk, older["after"])).status == "succeeded"
    assert await desk.open_errors() == []


@pytest.mark.parametrize("pushed_at", [None, "soon", 0])
async def test_pushes_whose_order_is_not_known_are_all_scanned(
    desk: PushDesk, pushed_at: object
) -> None:
    older, _unknown, newer = desk.create(a=BAD), desk.push(a=CLEAN), desk.push(a=WORSE)
    for payload in (newer, older):
        payload["repository"]["pushed_at"] = pushed_at
        desk.deliver(payload)
        await desk.work()
    assert await statuses(desk) == ["succeeded", "succeeded"]
    assert await desk.open_errors() == desk.true_errors()


async def test_a_scan_that_was_skipped_by_mistake_is_taken_up_again(desk: PushDesk) -> None:
    first, _unknown, newest = desk.create(a=CLEAN), desk.push(a=WORSE), desk.push(a=BAD)
    # GitHub dates an earlier push by a later one to another branch.
    first["repository"]["pushed_at"] = newest["repository"]["pushed_at"] + 60
    desk.github.inject(Fault(kind="500", path="/git/trees/", times=30))
    desk.deliver(first)
    await desk.work(until=timedelta(seconds=1))
    desk.github.clear_faults()
    # A stale answer confirms the mistake.
    desk.github.inject(Fault(kind="stale", path=HEAD, times=1))
    desk.deliver(newest)
    await desk.work_one()
    assert (await scan_of(desk, newest["after"])).status == "skipped"
    await desk.work()
    assert await desk.open_errors() == desk.true_errors() == [("a.py", 2)]
    assert (await scan_of(desk, newest["after"])).status == "succeeded"


def pull_events(desk: PushDesk) -> tuple[dict[str, Any], dict[str, Any]]:
    """Open a pull request and push to it; return the payloads of both events."""
    desk.deliver(desk.create(a=CLEAN))
    desk.push(branch="feature", a=BAD)
    number = desk.github.state.open_pull(NAME, head="feature", base="main", title="A change")
    opened = desk.github.pull_request_event(NAME, number)
    desk.push(branch="feature", a=WORSE)
    return opened, desk.github.pull_request_event(NAME, number, "synchronize")


async def test_an_older_head_of_a_pull_request_is_skipped_and_scanned_when_it_comes_back(
    desk: PushDesk,
) -> None:
    opened, moved = pull_events(desk)
    opened["pull_request"]["updated_at"] = "2026-11-29T00:00:00Z"
    await desk.work()
    older = opened["pull_request"]["head"]["sha"]
    for payload in (moved, opened):
        desk.deliver(payload, event="pull_request")
        await desk.work()
    assert (await scan_of(desk, older)).status == "skipped"
    assert desk.check_runs()[older]["conclusion"] == "neutral"
    assert desk.check_runs()[desk.head("feature")]["conclusion"] == "failure"
    desk.force(older, branch="feature")
    back = desk.github.pull_request_event(NAME, 1, "synchronize")
    desk.deliver(back, event="pull_request")
    await desk.work()
    scan = await scan_of(desk, older)
    assert (scan.status, scan.failure, scan.stats.new_errors) == ("succeeded", None, 1)
    assert desk.check_runs()[older]["conclusion"] == "failure"


async def test_heads_of_a_pull_request_whose_order_is_not_known_are_all_scanned(
    desk: PushDesk,
) -> None:
    opened, moved = pull_events(desk)
    await desk.work()
    del moved["before"]
    for payload in (moved, opened):
        del payload["pull_request"]["updated_at"]
        desk.deliver(payload, event="pull_request")
        await desk.work()
    assert await statuses(desk) == ["succeeded"] * 3
    runs = desk.check_runs()
    titles = {
        runs[payload["pull_request"]["head"]["sha"]]["output"]["title"]
        for payload in (opened, moved)
    }
    assert titles == {"1 new error: 1 high", "2 new errors: 2 high"}
