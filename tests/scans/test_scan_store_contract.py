"""One suite for the scans in Postgres and their twin in memory."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from kova.scans.scan import ScanStats, ScanStatus, Trigger
from kova.shared.exceptions import BusyError, NotFoundError
from kova.shared.page import PageRequest
from kova.shared.reach import EVERYTHING
from kova.shared.skipped import Skipped
from tests.support.stores import (
    LEASE,
    NAME,
    AllStores,
    new_claim,
    new_repository,
    release,
    repository_info,
    scan_target,
)

SHA = "a" * 40
OVER = timedelta(seconds=-1)


async def test_a_new_scan_is_queued_under_the_id_that_was_asked_for(stores: AllStores) -> None:
    repository = await new_repository(stores)
    target = scan_target()
    scan = await stores.scans.create(target, repository.id)
    assert (scan.id, scan.repository, scan.status) == (target.scan_id, NAME, ScanStatus.QUEUED)
    assert (scan.ref, scan.commit_sha, scan.trigger) == (target.ref, target.commit_sha, Trigger.API)
    assert (scan.started_at, scan.finished_at, scan.stats) == (None, None, ScanStats())
    assert await stores.scans.get(scan.id, EVERYTHING) == scan


async def test_the_same_target_again_is_the_first_scan(stores: AllStores) -> None:
    repository = await new_repository(stores)
    push = scan_target(trigger=Trigger.PUSH, scan_id=None)
    first = await stores.scans.create(push, repository.id)
    assert await stores.scans.create(push, repository.id) == first
    assert (await stores.scans.create(scan_target(scan_id=None), repository.id)).id != first.id


async def test_the_same_push_to_two_repositories_is_two_scans(stores: AllStores) -> None:
    push = scan_target(trigger=Trigger.PUSH, scan_id=None)
    scans = [
        await stores.scans.create(push, (await new_repository(stores, name)).id)
        for name in (NAME, "octo/fork")
    ]
    assert scans[0].id != scans[1].id


async def test_a_claimed_scan_is_running_and_nobody_else_gets_it(stores: AllStores) -> None:
    repository = await new_repository(stores)
    claim = await new_claim(stores, repository)
    assert claim.repository_id == repository.id
    scan = await stores.scans.get(claim.id, EVERYTHING)
    assert scan is not None
    assert (scan.status, scan.started_at) == (ScanStatus.RUNNING, claim.started_at)
    with pytest.raises(BusyError):
        await stores.scans.claim(claim.id, LEASE)


async def test_two_scans_of_one_commit_are_not_claimed_at_once(stores: AllStores) -> None:
    repository = await new_repository(stores)
    first = await new_claim(stores, repository, commit_sha=SHA)
    second = await stores.scans.create(scan_target(commit_sha=SHA), repository.id)
    with pytest.raises(BusyError):
        await stores.scans.claim(second.id, LEASE)
    await release(stores, first)
    assert await stores.scans.claim(second.id, LEASE) is not None


async def test_scans_whose_commit_is_not_resolved_yet_do_not_wait_for_each_other(
    stores: AllStores,
) -> None:
    repository = await new_repository(stores)
    await new_claim(stores, repository, commit_sha=None)
    assert await new_claim(stores, repository, commit_sha=None)


async def test_the_same_commit_in_two_repositories_is_scanned_at_once(stores: AllStores) -> None:
    await new_claim(stores, await new_repository(stores), commit_sha=SHA)
    assert await new_claim(stores, await new_repository(stores, "octo/fork"), commit_sha=SHA)


async def test_a_scan_whose_lease_is_over_goes_to_the_next_worker(stores: AllStores) -> None:
    repository = await new_repository(stores)
    scan = await stores.scans.create(scan_target(), repository.id)
    dead = await stores.scans.claim(scan.id, OVER)
    alive = await stores.scans.claim(scan.id, LEASE)
    assert dead is not None
    assert alive is not None
    assert (alive.lease != dead.lease, alive.started_at) == (True, dead.started_at)
    assert not await stores.scans.renew(dead, LEASE)
    assert not await stores.scans.finish(
        dead, ScanStatus.FAILED, stats=ScanStats(), skipped=(), failure="late"
    )
    await release(stores, dead)
    with pytest.raises(BusyError):
        await stores.scans.claim(scan.id, LEASE)


async def test_a_renewed_lease_is_longer(stores: AllStores) -> None:
    repository = await new_repository(stores)
    scan = await stores.scans.create(scan_target(), repository.id)
    claim = await stores.scans.claim(scan.id, OVER)
    assert claim is not None
    assert await stores.scans.renew(claim, LEASE)
    with pytest.raises(BusyError):
        await stores.scans.claim(scan.id, LEASE)


async def test_a_released_scan_is_queued_for_the_next_attempt(stores: AllStores) -> None:
    claim = await new_claim(stores, await new_repository(stores))
    await release(stores, claim)
    scan = await stores.scans.get(claim.id, EVERYTHING)
    assert scan is not None
    assert scan.status is ScanStatus.QUEUED
    assert not await stores.scans.renew(claim, LEASE)
    again = await stores.scans.claim(claim.id, LEASE)
    assert again is not None
    assert again.started_at == claim.started_at


async def test_a_finished_scan_has_its_result_and_is_claimed_by_nobody(stores: AllStores) -> None:
    claim = await new_claim(stores, await new_repository(stores))
    stats = ScanStats(files=3, errors=2, new_errors=1, duration_ms=7)
    skipped = (Skipped(path="b.py", reason="too_large"), Skipped(path="", reason="tree_incomplete"))
    assert await stores.scans.finish(
        claim,
        ScanStatus.SUCCEEDED,
        stats=stats,
        skipped=skipped,
        coverage={"files": {"analyzed": 2}},
        check_run_url="https://github.example/runs/1",
    )
    scan = await stores.scans.get(claim.id, EVERYTHING)
    assert scan is not None
    assert (scan.status, scan.stats, scan.skipped) == (ScanStatus.SUCCEEDED, stats, skipped)
    assert scan.coverage == {"files": {"analyzed": 2}}
    assert (scan.failure, scan.check_run_url) == (None, "https://github.example/runs/1")
    assert scan.finished_at is not None
    assert await stores.scans.claim(claim.id, LEASE) is None
    assert not await stores.scans.finish(claim, ScanStatus.FAILED, stats=stats, skipped=())


async def test_a_scan_that_is_given_up_has_failed_and_stays_so(stores: AllStores) -> None:
    repository = await new_repository(stores)
    claim = await new_claim(stores, repository)
    await stores.scans.fail(claim.id, "github_refused")
    await stores.scans.fail(claim.id, "another reason")
    scan = await stores.scans.get(claim.id, EVERYTHING)
    assert scan is not None
    assert (scan.status, scan.failure) == (ScanStatus.FAILED, "github_refused")
    assert not await stores.scans.renew(claim, LEASE)


async def test_a_scan_that_succeeded_is_not_failed_afterwards(stores: AllStores) -> None:
    claim = await new_claim(stores, await new_repository(stores))
    await stores.scans.finish(claim, ScanStatus.SUCCEEDED, stats=ScanStats(), skipped=())
    await stores.scans.fail(claim.id, "late")
    scan = await stores.scans.get(claim.id, EVERYTHING)
    assert scan is not None
    assert (scan.status, scan.failure) == (ScanStatus.SUCCEEDED, None)


async def test_the_commit_is_recorded_once_it_is_resolved(stores: AllStores) -> None:
    claim = await new_claim(stores, await new_repository(stores), ref=None, commit_sha=None)
    await stores.scans.resolve(claim.id, "refs/heads/main", SHA)
    scan = await stores.scans.get(claim.id, EVERYTHING)
    assert scan is not None
    assert (scan.ref, scan.commit_sha) == ("refs/heads/main", SHA)


async def test_an_unknown_scan_is_not_found(stores: AllStores) -> None:
    unknown = str(uuid.uuid4())
    assert await stores.scans.get(unknown, EVERYTHING) is None
    assert await stores.scans.get("no id", EVERYTHING) is None
    with pytest.raises(NotFoundError):
        await stores.scans.claim(unknown, LEASE)


async def test_pages_are_newest_first_and_whole(stores: AllStores) -> None:
    repository = await new_repository(stores)
    other = await new_repository(stores, "octo/other")
    created = [(await stores.scans.create(scan_target(), repository.id)).id for _ in range(5)]
    await stores.scans.create(scan_target(), other.id)
    listed: list[str] = []
    request = PageRequest(limit=2)
    for length in (2, 2, 1):
        page = await stores.scans.page(request, NAME.upper(), EVERYTHING)
        assert len(page.items) == length
        listed += [scan.id for scan in page.items]
        request = PageRequest(limit=2, after=page.next)
    assert (listed, page.next) == (created[::-1], None)
    assert len((await stores.scans.page(PageRequest(), None, EVERYTHING)).items) == 6
    assert (await stores.scans.page(PageRequest(), "octo/none", EVERYTHING)).items == ()


async def test_a_scan_carries_the_name_that_its_repository_has_today(stores: AllStores) -> None:
    info = repository_info()
    repository = await stores.repositories.save(info)
    scan = await stores.scans.create(scan_target(), repository.id)
    await stores.repositories.save(repository_info("octo/renamed", github_id=info.github_id))
    renamed = await stores.scans.get(scan.id, EVERYTHING)
    assert renamed is not None
    assert renamed.repository == "octo/renamed"
