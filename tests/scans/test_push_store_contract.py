"""One suite for pushes, and for scans that they skip, in Postgres and their twins in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kova.scans.scan import ScanStats, ScanStatus, ScanTarget, Trigger
from kova.shared.exceptions import BusyError, ConflictError, GenerationMovedError
from kova.shared.reach import EVERYTHING
from kova.shared.repository import Repository
from tests.support.findings import analysis_of
from tests.support.stores import LEASE, AllStores, new_claim, new_repository, release, scan_target

MAIN = "refs/heads/main"
SECOND = 1_764_000_000


def pushed(**fields: object) -> ScanTarget:
    values: dict[str, object] = {
        "trigger": Trigger.PUSH,
        "scan_id": None,
        "before": "a" * 40,
        "commit_sha": "b" * 40,
        "pushed_at": SECOND,
        "push_id": str(SECOND),
        "delivery": "guid-1",
    }
    return scan_target(**{**values, **fields})


async def record(stores: AllStores, repository: Repository, target: ScanTarget) -> str:
    scan = await stores.scans.create(target, repository.id)
    await stores.pushes.record(target, repository.id, scan.id)
    return scan.id


async def test_a_push_is_one_row_whatever_delivery_it_comes_by(stores: AllStores) -> None:
    repository = await new_repository(stores)
    first = await record(stores, repository, pushed(forced=True))
    assert await record(stores, repository, pushed(delivery="guid-2")) == first
    (push,) = await stores.pushes.list(repository.id, MAIN)
    assert (push.before, push.after, push.forced) == ("a" * 40, "b" * 40, True)
    assert push.pushed_at == datetime.fromtimestamp(SECOND, UTC)
    assert (push.scan_id, push.scan_status) == (first, ScanStatus.QUEUED)


async def test_a_force_push_back_is_another_one_with_a_scan_of_its_own(stores: AllStores) -> None:
    repository = await new_repository(stores)
    first = await record(stores, repository, pushed())
    again = pushed(before="c" * 40, pushed_at=SECOND + 2, push_id=str(SECOND + 2))
    second = await record(stores, repository, again)
    assert first != second
    pushes = await stores.pushes.list(repository.id, MAIN)
    assert [push.scan_id for push in pushes] == [second, first]  # Received last first.


async def test_pushes_are_listed_by_repository_and_ref(stores: AllStores) -> None:
    repository, other = [await new_repository(stores, f"octo/{name}") for name in "ab"]
    await record(stores, repository, pushed())
    await record(stores, repository, pushed(ref="refs/heads/other"))
    await record(stores, other, pushed())
    assert len(await stores.pushes.list(repository.id, MAIN)) == 1
    assert await stores.pushes.list(repository.id, "refs/heads/none") == []


async def test_what_nobody_pushed_is_no_push(stores: AllStores) -> None:
    repository = await new_repository(stores)
    await record(stores, repository, scan_target())
    await record(stores, repository, pushed(push_id=None))
    assert await stores.pushes.list(repository.id, MAIN) == []


async def test_a_scan_that_is_skipped_says_why_and_used_no_attempt(stores: AllStores) -> None:
    repository = await new_repository(stores)
    scan_id = await record(stores, repository, pushed())
    assert await stores.scans.skip(scan_id, "superseded: Newer.")
    assert not await stores.scans.skip(scan_id, "superseded: Again.")
    claim = await stores.scans.hold_skipped(scan_id, LEASE)
    assert claim is not None
    await stores.scans.release_skipped(claim, "https://github.example/1")
    scan = await stores.scans.get(scan_id, EVERYTHING)
    assert scan is not None
    assert (scan.status, scan.failure, scan.attempts) == ("skipped", "superseded: Newer.", 0)
    assert scan.check_run_url == "https://github.example/1"
    assert scan.finished_at is not None
    assert await stores.scans.claim(scan_id, LEASE) is None


async def test_a_scan_that_a_worker_has_in_hand_is_not_skipped(stores: AllStores) -> None:
    claimed = await new_claim(stores, await new_repository(stores))
    assert not await stores.scans.skip(claimed.id, "x: y")
    assert await stores.scans.hold_skipped(claimed.id, LEASE) is None
    await release(stores, claimed)
    assert await stores.scans.skip(claimed.id, "x: y")
    scan = await stores.scans.get(claimed.id, EVERYTHING)
    assert scan is not None
    assert (scan.retry_at, scan.check_run_url) == (None, None)


async def test_a_commit_is_held_by_its_skipped_scan_or_by_another_one(stores: AllStores) -> None:
    repository = await new_repository(stores)
    skipped_id, scan_id = [
        await record(stores, repository, pushed(push_id=f"push-{number}")) for number in "12"
    ]
    assert await stores.scans.skip(skipped_id, "x: y")
    scan_claim = await stores.scans.claim(scan_id, LEASE)
    assert scan_claim is not None
    with pytest.raises(BusyError):
        await stores.scans.hold_skipped(skipped_id, LEASE)
    await release(stores, scan_claim)
    claim = await stores.scans.hold_skipped(skipped_id, LEASE)
    assert claim is not None
    with pytest.raises(BusyError):
        await stores.scans.hold_skipped(skipped_id, LEASE)
    with pytest.raises(BusyError):
        await stores.scans.claim(scan_id, LEASE)
    assert await stores.scans.renew(claim, LEASE)
    await stores.scans.release_skipped(claim, None)
    assert await stores.scans.claim(scan_id, LEASE)


async def test_a_scan_that_is_wanted_again_names_no_check_run_of_its_skip(
    stores: AllStores,
) -> None:
    repository = await new_repository(stores)
    scan_id = await record(stores, repository, pushed())
    assert await stores.scans.skip(scan_id, "x: y")
    claim = await stores.scans.hold_skipped(scan_id, LEASE)
    assert claim is not None
    assert await stores.recovery.reopen(scan_id, failed_only=False)
    with pytest.raises(BusyError):
        await stores.scans.claim(scan_id, LEASE)
    await stores.scans.release_skipped(claim, "https://github.example/1")
    scan = await stores.scans.get(scan_id, EVERYTHING)
    assert scan is not None
    assert scan.check_run_url is None
    assert await stores.scans.claim(scan_id, LEASE)


async def test_a_scan_whose_worker_died_is_skipped(stores: AllStores) -> None:
    repository = await new_repository(stores)
    scan_id = await record(stores, repository, pushed())
    assert await stores.scans.claim(scan_id, timedelta(seconds=-1))
    assert await stores.scans.skip(scan_id, "x: y")


@pytest.mark.parametrize("by_hand", [True, False])
async def test_a_scan_that_is_asked_for_by_hand_stays_so(
    stores: AllStores, *, by_hand: bool
) -> None:
    repository = await new_repository(stores)
    scan_id = await record(stores, repository, pushed())
    await stores.scans.skip(scan_id, "x: y")
    assert await stores.recovery.reopen(scan_id, failed_only=False, by_hand=by_hand)
    target = await stores.recovery.find_target(scan_id)
    assert target is not None
    assert (target.rerun, target.push_key) == (by_hand, pushed().push_key)


async def test_errors_are_written_over_the_generation_that_was_read_alone(
    stores: AllStores,
) -> None:
    repository = await new_repository(stores)
    older, newer = [await new_claim(stores, repository) for _ in range(2)]
    bad, clean = analysis_of({"a.py": "BAD(x)"}), analysis_of({"a.py": ""})
    change = await stores.errors.apply(newer, "b" * 40, clean, generation=0)
    assert change.generation == 1
    with pytest.raises(GenerationMovedError):
        await stores.errors.apply(older, "a" * 40, bad, generation=0)
    state = await stores.errors.state(repository.id)
    assert state is not None
    assert (state.commit_sha, state.generation) == ("b" * 40, 1)
    assert await stores.errors.live_paths(repository.id) == frozenset()
    assert (await stores.errors.apply(older, "a" * 40, bad, generation=1)).generation == 2


async def test_errors_are_written_by_the_worker_that_has_the_lease_alone(
    stores: AllStores,
) -> None:
    repository = await new_repository(stores)
    scan = await stores.scans.create(scan_target(), repository.id)
    late = await stores.scans.claim(scan.id, timedelta(seconds=-1))
    successor = await stores.scans.claim(scan.id, LEASE)
    assert late is not None
    assert successor is not None
    bad = analysis_of({"a.py": "BAD(x)"})
    with pytest.raises(ConflictError):
        await stores.errors.apply(late, "a" * 40, bad, generation=0)
    assert await stores.errors.state(repository.id) is None
    assert (await stores.errors.apply(successor, "a" * 40, bad, generation=0)).new == 1


async def test_imported_results_begin_no_generation(stores: AllStores) -> None:
    repository = await new_repository(stores)
    claim = await new_claim(stores, repository)
    await stores.errors.apply(claim, "a" * 40, analysis_of({"a.py": ""}))
    imported = replace(claim, id="0b989ba4-242f-11e5-81e1-c7b6966d2516", lease="")
    log = analysis_of({"a.py": "BAD(x)"})
    assert (await stores.errors.apply(imported, "a" * 40, log, generation=1)).new == 1
    state = await stores.errors.state(repository.id)
    assert state is not None
    assert state.generation == 1


async def test_fixes_of_errors_that_have_changed_since_are_not_recorded(
    stores: AllStores,
) -> None:
    repository = await new_repository(stores)
    older, newer = [await new_claim(stores, repository) for _ in range(2)]
    bad = analysis_of({"a.py": "BAD(x)"})
    change = await stores.errors.apply(older, "a" * 40, bad)
    assert await stores.fixes.save(older.id, (), {}, generation=change.generation)
    await stores.errors.apply(newer, "b" * 40, bad)
    assert not await stores.fixes.save(older.id, (), {}, generation=change.generation)
    assert await stores.scans.finish(newer, ScanStatus.SUCCEEDED, stats=ScanStats(), skipped=())
