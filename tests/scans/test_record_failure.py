"""A scan that is given up is seen as failed; without the database its message waits."""

from __future__ import annotations

from kova.scans.record_failure import RecordFailure
from kova.scans.scan import ScanStatus
from kova.shared.page import PageRequest
from kova.shared.reach import EVERYTHING
from kova.shared.retry import GiveUp, Retry
from tests.support.stores import scan_target
from tests.support.workshop import Workshop

PLAN = GiveUp(reason="github_refused")
TARGET = scan_target()


def failure_of(workshop: Workshop) -> RecordFailure:
    return RecordFailure(repositories=workshop.stores.repositories, scans=workshop.stores.scans)


async def test_the_scan_of_a_job_that_is_given_up_has_failed(workshop: Workshop) -> None:
    await workshop.repository()
    for _ in range(2):  # A message may come twice.
        assert await failure_of(workshop).record(TARGET, PLAN) == PLAN
    (scan,) = (await workshop.stores.scans.page(PageRequest(), TARGET.repository, EVERYTHING)).items
    assert (scan.id, scan.status, scan.failure) == (
        TARGET.scan_id,
        ScanStatus.FAILED,
        "github_refused",
    )


async def test_the_job_of_an_unknown_repository_leaves_no_scan(workshop: Workshop) -> None:
    assert await failure_of(workshop).record(TARGET, PLAN) == PLAN
    assert not (await workshop.stores.scans.page(PageRequest(), None, EVERYTHING)).items


async def test_a_scan_that_succeeded_stays_so(workshop: Workshop) -> None:
    workshop.push(a="")
    scan = await workshop.scan(scan_id=TARGET.scan_id)
    assert await failure_of(workshop).record(TARGET, PLAN) == PLAN
    assert await workshop.stores.scans.get(scan.id, EVERYTHING) == scan


async def test_without_the_database_the_message_waits_for_it(workshop: Workshop) -> None:
    workshop.database.available = False
    assert await failure_of(workshop).record(TARGET, PLAN) == Retry(delay=60)
