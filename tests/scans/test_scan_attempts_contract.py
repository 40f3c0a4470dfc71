"""One suite for what Postgres and its twin remember of a scan's attempts, failures and deaths."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from kova.scans.exceptions import SuspectScanError
from kova.scans.scan import Scan, ScanStats, ScanStatus
from kova.shared.claimed_scan import ClaimedScan
from kova.shared.exceptions import BusyError
from kova.shared.reach import EVERYTHING
from kova.shared.retry import FailureKind
from tests.support.stores import LEASE, AllStores, new_claim, new_repository, release, scan_target

OVER = timedelta(seconds=-1)
LONG_OVER = timedelta(hours=-1)


async def scan_of(stores: AllStores, scan_id: str) -> Scan:
    scan = await stores.scans.get(scan_id, EVERYTHING)
    assert scan is not None
    return scan


async def new_scan(stores: AllStores, **fields: object) -> Scan:
    return await stores.scans.create(scan_target(**fields), (await new_repository(stores)).id)


async def claim(stores: AllStores, scan_id: str, lease: timedelta = LEASE) -> ClaimedScan:
    claimed = await stores.scans.claim(scan_id, lease)
    assert claimed is not None
    return claimed


async def end(stores: AllStores, claimed: ClaimedScan, status: ScanStatus) -> None:
    failure = "x: y" if status is ScanStatus.FAILED else None
    assert await stores.scans.finish(
        claimed, status, stats=ScanStats(), skipped=(), failure=failure
    )


async def test_an_attempt_is_counted_before_its_work_begins(stores: AllStores) -> None:
    scan = await new_scan(stores)
    assert scan.attempts == 0
    for attempt in (1, 2):
        await release(stores, await claim(stores, scan.id))
        assert (await scan_of(stores, scan.id)).attempts == attempt


async def test_an_attempt_that_is_put_off_says_when_the_next_one_is_due_and_why(
    stores: AllStores,
) -> None:
    claimed = await new_claim(stores, await new_repository(stores))
    retry_at = await stores.scans.postpone(claimed, timedelta(minutes=5), "github_refused: No.")
    scan = await scan_of(stores, claimed.id)
    assert (scan.status, scan.retry_at, scan.failure) == (ScanStatus.QUEUED, retry_at, None)
    assert scan.retry_reason == "github_refused: No."
    assert retry_at is not None
    assert scan.started_at is not None
    assert timedelta(minutes=4) < retry_at - scan.started_at < timedelta(minutes=6)
    await claim(stores, claimed.id)
    scan = await scan_of(stores, claimed.id)
    assert (scan.status, scan.retry_at, scan.retry_reason) == (ScanStatus.RUNNING, None, None)


async def test_who_lost_the_lease_puts_nothing_off_and_counts_nothing(stores: AllStores) -> None:
    scan = await new_scan(stores)
    late = await claim(stores, scan.id, OVER)
    await claim(stores, scan.id)
    assert await stores.scans.postpone(late, timedelta()) is None
    assert await stores.scans.count_failure(late, FailureKind.OUTAGE) is None
    assert (await scan_of(stores, scan.id)).status is ScanStatus.RUNNING


async def test_failures_of_one_kind_are_counted_in_a_row(stores: AllStores) -> None:
    scan = await new_scan(stores)
    counts: list[int] = []
    for kind in (*["outage"] * 3, "not_yet", "not_yet", "outage"):
        claimed = await claim(stores, scan.id)
        series = await stores.scans.count_failure(claimed, FailureKind(kind))
        assert series is not None
        assert timedelta() <= series.age < timedelta(minutes=1)
        counts.append(series.attempt)
        await release(stores, claimed)
    assert counts == [1, 2, 3, 1, 2, 1]


async def test_a_worker_that_dies_is_counted_by_the_next_claim(stores: AllStores) -> None:
    scan = await new_scan(stores)
    deaths = [(await claim(stores, scan.id, OVER)).worker_deaths for _ in range(3)]
    assert deaths == [0, 1, 2]
    await release(stores, await claim(stores, scan.id))
    assert (await claim(stores, scan.id)).worker_deaths == 3


async def test_a_scan_of_which_a_worker_died_is_for_a_worker_that_is_alone(
    stores: AllStores,
) -> None:
    scan = await new_scan(stores)
    await claim(stores, scan.id, OVER)
    with pytest.raises(SuspectScanError):
        await stores.scans.claim(scan.id, LEASE, alone=False)
    assert (await scan_of(stores, scan.id)).attempts == 1
    claimed = await stores.scans.claim(scan.id, LEASE, alone=True)
    assert claimed is not None
    assert claimed.worker_deaths == 1
    with pytest.raises(BusyError):
        await stores.scans.claim(scan.id, LEASE, alone=False)


async def test_a_worker_that_could_not_give_its_lease_back_has_not_died(
    stores: AllStores,
) -> None:
    scan = await new_scan(stores)
    first = await claim(stores, scan.id)
    with pytest.raises(BusyError):
        await stores.scans.claim(scan.id, LEASE, unreleased=str(uuid.uuid4()))
    second = await stores.scans.claim(scan.id, OVER, unreleased=first.lease, alone=False)
    assert second is not None
    assert second.worker_deaths == 0
    third = await stores.scans.claim(scan.id, LEASE, unreleased=second.lease, alone=False)
    assert third is not None
    assert third.worker_deaths == 0


async def test_a_failed_scan_is_claimed_again_when_it_was_reopened(stores: AllStores) -> None:
    scan = await new_scan(stores)
    assert not await stores.recovery.reopen(scan.id)
    claimed = await claim(stores, scan.id)
    await stores.scans.count_failure(claimed, FailureKind.OUTAGE)
    await end(stores, claimed, ScanStatus.FAILED)
    assert await stores.scans.claim(scan.id, LEASE) is None
    assert await stores.recovery.reopen(scan.id)
    assert not await stores.recovery.reopen(scan.id)
    row = await scan_of(stores, scan.id)
    assert (row.status, row.attempts, row.failure, row.started_at, row.finished_at) == (
        ScanStatus.QUEUED,
        0,
        None,
        None,
        None,
    )
    claimed = await claim(stores, scan.id)
    series = await stores.scans.count_failure(claimed, FailureKind.OUTAGE)
    assert series is not None
    assert series.attempt == 1


@pytest.mark.parametrize("status", [ScanStatus.SUCCEEDED, ScanStatus.SKIPPED])
async def test_what_succeeded_is_reopened_only_on_demand(
    stores: AllStores, status: ScanStatus
) -> None:
    claimed = await new_claim(stores, await new_repository(stores))
    await end(stores, claimed, status)
    assert not await stores.recovery.reopen(claimed.id)
    assert await stores.recovery.reopen(claimed.id, failed_only=False)
    assert (await scan_of(stores, claimed.id)).status is ScanStatus.QUEUED


async def test_a_reopened_scan_has_a_death_less(stores: AllStores) -> None:
    scan = await new_scan(stores)
    for _ in range(3):
        await claim(stores, scan.id, OVER)
    claimed = await claim(stores, scan.id)
    assert claimed.worker_deaths == 3
    await end(stores, claimed, ScanStatus.FAILED)
    await stores.recovery.reopen(scan.id)
    assert (await claim(stores, scan.id)).worker_deaths == 2


async def test_a_target_is_stored_and_carries_the_name_of_today(stores: AllStores) -> None:
    target = scan_target(full=True, fix=False, delivery="guid", base_sha="b" * 40, pull_request=7)
    scan = await stores.scans.create(target, (await new_repository(stores)).id)
    assert await stores.recovery.find_target(scan.id) == target
    assert await stores.recovery.find_target(str(uuid.uuid4())) is None


async def test_failed_scans_are_found_by_repository_and_moment(stores: AllStores) -> None:
    first, other = await new_repository(stores), await new_repository(stores, "octo/other")
    ids = []
    for repository in (first, other, first):
        claimed = await new_claim(stores, repository)
        await end(stores, claimed, ScanStatus.FAILED)
        ids.append(claimed.id)
    await end(stores, await new_claim(stores, first), ScanStatus.SUCCEEDED)
    await new_claim(stores, first)
    recovery = stores.recovery
    assert list(await recovery.find_failed(None, None, 10)) == ids
    assert list(await recovery.find_failed(None, None, 2)) == ids[:2]
    assert list(await recovery.find_failed("OCTO/Other", None, 10)) == [ids[1]]
    since = (await scan_of(stores, ids[1])).finished_at
    found_since = await recovery.find_failed(None, since, 10)
    assert list(found_since) == ids[1:]
    assert found_since[ids[1]].repository == "octo/other"


async def test_the_newest_scan_of_each_branch_and_pull_request_of_a_commit_is_found(
    stores: AllStores,
) -> None:
    repository = await new_repository(stores)
    sha = "a" * 40
    targets = [
        scan_target(commit_sha=sha),
        scan_target(commit_sha=sha, pull_request=7, base_sha="b" * 40, scan_id=None),
        scan_target(commit_sha=sha, pull_request=7, base_sha="c" * 40, scan_id=None),
        scan_target(commit_sha="d" * 40),
    ]
    for target in targets:
        await stores.scans.create(target, repository.id)
    of_commit = await stores.recovery.find_of_commit(repository.id, sha)
    assert list(of_commit) == [targets[2], targets[0]]


async def test_a_scan_that_waits_or_runs_as_it_should_is_not_overdue(stores: AllStores) -> None:
    repository = await new_repository(stores)
    await stores.scans.create(scan_target(), repository.id)
    await new_claim(stores, repository)
    waiting = await new_claim(stores, repository)
    await stores.scans.postpone(waiting, timedelta(hours=1))
    ended = await stores.scans.claim((await new_scan_of(stores, repository.id)).id, LONG_OVER)
    assert ended is not None
    await end(stores, ended, ScanStatus.FAILED)
    assert await stores.recovery.take_overdue(10) == []


async def new_scan_of(stores: AllStores, repository_id: str) -> Scan:
    return await stores.scans.create(scan_target(), repository_id)


async def test_a_scan_whose_worker_died_is_overdue_once_and_again_after_a_pause(
    stores: AllStores,
) -> None:
    scan = await new_scan(stores)
    await claim(stores, scan.id, LONG_OVER)
    (overdue,) = await stores.recovery.take_overdue(10)
    assert (overdue.id, overdue.requeues, overdue.retry_at) == (scan.id, 1, None)
    assert overdue.target.scan_id == scan.id
    assert await stores.recovery.take_overdue(10) == []


async def test_a_scan_whose_message_was_lost_is_overdue_and_names_its_moment(
    stores: AllStores,
) -> None:
    repository = await new_repository(stores)
    claims = [await new_claim(stores, repository) for _ in range(3)]
    moments = [await stores.scans.postpone(claimed, LONG_OVER) for claimed in claims]
    await stores.recovery.defer(claims[2].id, timedelta(seconds=5))
    overdue = await stores.recovery.take_overdue(1)
    overdue = [*overdue, *await stores.recovery.take_overdue(10)]
    assert [(scan.id, scan.retry_at) for scan in overdue] == [
        (claims[number].id, moments[number]) for number in (0, 1)
    ]


async def test_a_claim_forgets_how_often_a_message_was_sent_anew(stores: AllStores) -> None:
    scan = await new_scan(stores)
    await claim(stores, scan.id, LONG_OVER)
    await stores.recovery.take_overdue(10)
    await claim(stores, scan.id, LONG_OVER)
    (overdue,) = await stores.recovery.take_overdue(10)
    assert overdue.requeues == 1


async def test_a_repository_has_no_more_scans_at_work_than_its_share(stores: AllStores) -> None:
    repository = await new_repository(stores)
    busy = [
        await stores.scans.create(scan_target(commit_sha=letter * 40), repository.id)
        for letter in "abc"
    ]
    other = await stores.scans.create(scan_target(), (await new_repository(stores, "z/quiet")).id)
    first = await stores.scans.claim(busy[0].id, LEASE, share=2)
    assert await stores.scans.claim(busy[1].id, LEASE, share=2)
    with pytest.raises(BusyError):
        await stores.scans.claim(busy[2].id, LEASE, share=2)
    assert await stores.scans.claim(other.id, LEASE, share=2)
    assert first is not None
    await end(stores, first, ScanStatus.SUCCEEDED)
    assert await stores.scans.claim(busy[2].id, LEASE, share=2)
