"""The newest head wins, whatever order pushes and GitHub's answers come in."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from kova.scans.message import ScanJob, decode_scan_job, encode_scan_job
from kova_fakes.github import Fault, people, serve_github
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


async def generation(desk: PushDesk) -> int:
    (row,) = await desk.execute("SELECT generation FROM repository_states")
    return int(row["generation"])


async def test_a_force_push_back_to_a_known_commit_shows_its_errors_again(desk: PushDesk) -> None:
    first = desk.create(a=BAD)
    desk.deliver(first)
    await desk.work()
    desk.deliver(desk.push(a=CLEAN))
    await desk.work()
    assert await desk.open_errors() == []
    desk.deliver(desk.force(first["after"]))
    await desk.work()
    assert await desk.open_errors() == [("a.py", 2)]
    assert await statuses(desk) == ["succeeded"] * 3
    assert desk.check_runs()[first["after"]]["conclusion"] == "failure"


async def test_a_push_that_comes_by_two_webhooks_and_again_is_scanned_once(desk: PushDesk) -> None:
    payload = desk.create(a=BAD)
    for guid in ("guid-1", "guid-2", "guid-1"):
        desk.deliver(payload, guid=guid)
    await desk.work()
    desk.deliver(payload, guid="guid-3")
    await desk.work()
    assert await statuses(desk) == ["succeeded"]
    assert await generation(desk) == 1


async def test_an_answer_that_was_late_overwrites_no_newer_scan(desk: PushDesk) -> None:
    desk.deliver(desk.create(a=BAD))
    heads: list[str] = []

    async def scan_a_newer_push_meanwhile(sha: str) -> None:
        heads.append(sha)
        if len(heads) == 1:
            desk.deliver(desk.push(a=CLEAN))
            await desk.work_one()

    desk.source.hooks["resolve"] = scan_a_newer_push_meanwhile
    await desk.work()
    older, newer = await desk.scans()
    assert (older.status, newer.status) == ("succeeded", "succeeded")
    assert heads == [older.commit_sha, newer.commit_sha]
    assert await desk.open_errors() == []
    assert older.commit_sha is not None
    assert desk.check_runs()[older.commit_sha]["conclusion"] == "failure"


async def test_no_answer_from_before_another_scan_was_applied_counts(desk: PushDesk) -> None:
    desk.deliver(desk.create(a=BAD))
    heads: list[str] = []

    async def note(sha: str) -> None:
        heads.append(sha)

    async def scan_a_newer_push_meanwhile(_: object) -> None:
        if len(heads) == 1:
            del desk.pushes.hooks["list"]
            desk.deliver(desk.push(a=CLEAN))
            await desk.work_one()

    desk.source.hooks["resolve"] = note
    # The older scan was told that its commit is the head, and knows of no other push.
    desk.pushes.hooks["list"] = scan_a_newer_push_meanwhile
    await desk.work()
    older, newer = await desk.scans()
    assert (older.status, newer.status) == ("succeeded", "succeeded")
    assert heads == [older.commit_sha, newer.commit_sha, newer.commit_sha]
    assert await desk.open_errors() == []
    assert await generation(desk) == 1


async def test_a_scan_gives_up_asking_for_a_moment_where_others_are_applied_again_and_again(
    desk: PushDesk,
) -> None:
    desk.deliver(desk.create(a=BAD))
    applied = 0

    async def apply_another(_: object) -> None:
        nonlocal applied
        if applied < 3:
            applied += 1
            await desk.execute(
                "INSERT INTO repository_states (repository_id) SELECT id FROM repositories"
                " ON CONFLICT DO NOTHING"
            )
            await desk.execute("UPDATE repository_states SET applied_at = clock_timestamp()")

    desk.pushes.hooks["list"] = apply_another
    desk.source.hooks["resolve"] = apply_another
    await desk.work()
    (scan,) = await desk.scans()
    assert (scan.status, scan.stats.new_errors) == ("succeeded", 1)


async def test_a_stale_answer_just_after_the_push_is_asked_again(desk: PushDesk) -> None:
    desk.deliver(desk.create(a=CLEAN))
    await desk.work()
    desk.github.inject(Fault(kind="stale", path=HEAD, times=3))
    payload = desk.push(a=BAD)
    desk.deliver(payload)
    await desk.work()
    assert await desk.open_errors() == [("a.py", 2)]
    scan = await scan_of(desk, payload["after"])
    assert (scan.status, scan.attempts) == ("succeeded", 4)


async def test_a_stale_answer_to_an_older_scan_does_not_bring_its_errors_back(
    desk: PushDesk,
) -> None:
    older, newer = desk.create(a=BAD), desk.push(a=CLEAN)
    desk.deliver(newer)
    await desk.work()
    desk.github.inject(Fault(kind="stale", path=HEAD, times=3))
    desk.deliver(older)
    await desk.work()
    assert await desk.open_errors() == []
    assert await generation(desk) == 1


async def test_an_answer_that_stays_is_believed_in_the_end(desk: PushDesk) -> None:
    first = desk.create(a=CLEAN)
    desk.deliver(first)
    await desk.work()
    payload = desk.push(a=BAD)
    desk.force(first["after"])  # GitHub's event of it is lost.
    desk.deliver(payload)
    begin = desk.clock()
    await desk.work()
    assert timedelta(minutes=5) <= desk.clock() - begin <= timedelta(minutes=7)
    assert await desk.open_errors() == desk.true_errors() == []
    assert (await scan_of(desk, payload["after"])).status == "succeeded"
    assert desk.check_runs()[payload["after"]]["conclusion"] == "failure"


async def test_a_newer_head_that_no_event_has_named_yet_is_believed_at_once(
    desk: PushDesk,
) -> None:
    older = desk.create(a=BAD)
    newer = desk.push(a=WORSE)
    desk.deliver(older)
    await desk.work()
    assert (await scan_of(desk, older["after"])).attempts == 1
    assert await desk.open_errors() == []
    assert desk.check_runs()[older["after"]]["conclusion"] == "failure"
    desk.deliver(newer)
    await desk.work()
    assert await desk.open_errors() == desk.true_errors()


async def test_the_last_push_of_a_second_is_believed_though_the_one_before_it_is_not_known(
    desk: PushDesk,
) -> None:
    first, second, third = desk.create(a=BAD), desk.push(a=WORSE), desk.push(a=CLEAN)
    third["repository"]["pushed_at"] = first["repository"]["pushed_at"]
    desk.deliver(first)
    desk.deliver(third)
    await desk.work()
    assert [(scan.status, scan.attempts) for scan in await desk.scans()] == [("succeeded", 1)] * 2
    assert await desk.open_errors() == desk.true_errors() == []
    desk.deliver(second)
    await desk.work()
    assert await desk.open_errors() == []


async def test_a_stale_answer_is_doubted_though_the_order_within_a_second_is_not_known(
    desk: PushDesk,
) -> None:
    first, _second, third = desk.create(a=BAD), desk.push(a=WORSE), desk.push(a=CLEAN)
    third["repository"]["pushed_at"] = first["repository"]["pushed_at"]
    desk.deliver(first)
    await desk.work()
    desk.github.inject(Fault(kind="stale", path=HEAD, times=2))
    desk.deliver(third)
    begin = desk.clock()
    await desk.work()
    assert (await scan_of(desk, third["after"])).attempts == 3
    assert desk.clock() - begin < timedelta(minutes=1)
    assert await desk.open_errors() == desk.true_errors() == []


async def test_an_unknown_commit_that_a_force_push_may_have_removed_is_asked_about_again(
    desk: PushDesk,
) -> None:
    first = desk.create(a=CLEAN)
    desk.push(a=WORSE)  # Its event is on its way.
    payload = desk.force(first["after"])
    stale = [desk.github.state.push(NAME, {"b.py": b""}, branch="aside")]
    resolve = desk.source._port.resolve

    class Older:
        def __getattr__(self, name: str) -> Any:
            return getattr(desk.core.source, name)

        async def resolve(self, repository_ref: Any, ref: str) -> str:
            return stale.pop() if stale else await resolve(repository_ref, ref)

    desk.source._port = Older()
    desk.deliver(payload)
    await desk.work()
    scan = await scan_of(desk, first["after"])
    assert (scan.status, scan.attempts) == ("succeeded", 2)
    assert await generation(desk) == 1


async def test_a_scan_by_hand_gets_no_stale_commit(desk: PushDesk) -> None:
    desk.deliver(desk.create(a=CLEAN))
    await desk.work()
    desk.deliver(desk.push(a=BAD))
    await desk.work()
    desk.github.inject(Fault(kind="stale", path=HEAD, times=2))
    queued = desk.target_by_hand()
    desk.send(queued)
    await desk.work()
    scan = (await desk.scans())[-1]
    assert (scan.id, scan.commit_sha, scan.status) == (queued.scan_id, desk.head(), "succeeded")
    assert await desk.open_errors() == [("a.py", 2)]


async def test_a_branch_that_was_deleted_and_made_again_is_scanned(desk: PushDesk) -> None:
    first = desk.create(a=BAD)
    desk.deliver(first)
    await desk.work()
    desk.deliver(desk.push(a=CLEAN))
    await desk.work()
    repository = desk.github.state.repository(NAME)
    before = people.delete_branch(repository, "main")
    deleted = people.deleted_event(desk.github.context, repository, "main", before)
    assert desk.deliver(deleted).status == "queued"  # A look at the repository, and no scan.
    desk.second += 120
    created = desk.force(first["after"])
    assert created["created"] is True
    desk.deliver(created)
    await desk.work()
    assert await desk.open_errors() == [("a.py", 2)]
    assert (await desk.scans())[-1].attempts == 1


async def test_another_branch_that_becomes_the_default_one_is_not_overwritten(
    desk: PushDesk,
) -> None:
    desk.deliver(desk.create(a=BAD))

    async def change_the_default_branch(_: object) -> None:
        del desk.source.hooks["tree"]
        repository = desk.github.state.repository(NAME)
        desk.github.state.push(NAME, {"a.py": CLEAN.encode()}, branch="next")
        repository.default_branch = "next"
        desk.deliver(desk._event("next"))
        await desk.work_one()

    desk.source.hooks["tree"] = change_the_default_branch
    await desk.work()
    assert await statuses(desk) == ["succeeded", "succeeded"]
    assert await desk.open_errors() == desk.true_errors("next") == []


async def test_a_message_that_says_nothing_of_the_push_is_scanned_as_before(
    desk: PushDesk,
) -> None:
    desk.deliver(desk.create(a=BAD))
    (message,) = desk.queue.receive(limit=1, visibility=60)
    desk.queue.delete(message)
    fields = json.loads(message.body)
    new = {
        key
        for key in ("before", "forced", "pushed_at", "push_id")
        if fields.pop(key, None) is not None
    }
    assert new == {"before", "forced", "pushed_at", "push_id"}
    target = decode_scan_job(json.dumps(fields)).target
    assert target.dedupe_key == f"push:refs/heads/main:{desk.head()}"
    desk.queue.send(encode_scan_job(ScanJob(target=target)))
    await desk.work()
    assert await desk.open_errors() == [("a.py", 2)]


@pytest.mark.parametrize(
    ("port", "method"),
    [("source", "resolve"), ("pushes", "list"), ("errors", "state"), ("errors", "apply")],
)
async def test_a_worker_that_dies_between_the_answer_and_the_errors_is_followed_by_another(
    desk: PushDesk, port: str, method: str
) -> None:
    desk.deliver(desk.create(a=BAD))
    await desk.work()
    calls = 0

    async def die_once(_: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 2 if method == "state" else calls == 1:
            raise KilledError

    getattr(desk, port).hooks[method] = die_once
    older = desk.push(a=WORSE)
    desk.deliver(older)
    await desk.work_one()
    # While it is dead a newer push is scanned.
    newer = desk.push(a=CLEAN)
    desk.deliver(newer)
    await desk.work_one()
    await desk.expire_leases()
    await desk.work()
    assert calls > 1
    assert await desk.open_errors() == desk.true_errors() == []
    assert (await scan_of(desk, newer["after"])).status == "succeeded"
    assert (await scan_of(desk, older["after"])).status in {"skipped", "succeeded"}


async def test_the_fixes_of_a_scan_that_was_replaced_meanwhile_are_not_offered(
    desk: PushDesk,
) -> None:
    desk.deliver(desk.create(a=BAD))

    async def scan_a_newer_push_meanwhile(_: object) -> None:
        del desk.errors.hooks["apply"]
        desk.deliver(desk.push(a=WORSE))
        await desk.work_one()
        # GitHub would let the older scan write over the newer one's branch.
        desk.github.inject(Fault(kind="stale", path="/heads/main$", times=9))

    desk.errors.hooks["apply"] = scan_a_newer_push_meanwhile
    await desk.work()
    assert await statuses(desk) == ["succeeded", "succeeded"]
    (pull,) = desk.github.state.pulls(NAME)
    content = desk.github.state.file(NAME, pull["head_ref"], "a.py")
    assert content == WORSE.replace("BAD", "").encode()
    page = await desk.execute("SELECT status FROM auto_fixes")
    assert [row["status"] for row in page] == ["published", "published"]


async def test_a_scan_that_has_written_its_errors_is_not_skipped_before_it_tells_them(
    desk: PushDesk,
) -> None:
    async def die_once(_: object) -> None:
        del desk.errors.hooks["apply"]
        raise KilledError

    desk.errors.hooks["apply"] = die_once
    first = desk.create(a=BAD)
    desk.deliver(first)
    await desk.work_one()
    desk.deliver(desk.push(b=BAD))
    await desk.work_one()
    await desk.expire_leases()
    await desk.work()
    assert await statuses(desk) == ["succeeded", "succeeded"]
    assert await desk.open_errors() == desk.true_errors()
    titles = [run["output"]["title"] for run in desk.github.state.check_runs(NAME)]
    assert titles == ["1 new error: 1 high"] * 2


async def test_a_push_made_by_hand_says_little_and_is_scanned_at_once_all_the_same(
    desk: PushDesk,
) -> None:
    payloads = desk.create(a=BAD), desk.push(a=BAD, b=BAD)
    for payload in payloads:
        for name in ("before", "forced"):
            payload.pop(name)
        payload["repository"].pop("pushed_at")
        desk.deliver(payload)
    await desk.work(until=timedelta(seconds=5))
    assert await statuses(desk) == ["succeeded", "succeeded"]
    assert await desk.open_errors() == desk.true_errors()
