"""A scan is asked for by hand: the row first, then the job."""

from __future__ import annotations

import threading
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from kova.adapters.memory.queues import MemoryScanQueue
from kova.scans.ports import ScanQueue
from kova.scans.request_scan import RequestScan
from kova.scans.scan import Scan, ScanStatus, ScanTarget, Trigger
from kova.shared.exceptions import (
    GitHubUnavailableError,
    OwnerNotAllowedError,
    QueueUnavailableError,
    RepositoryNotFoundError,
)
from kova.shared.owners import EVERY_OWNER, Owners, owners_of
from kova.shared.page import PageRequest
from kova.shared.reach import EVERYTHING, reach_of
from kova.shared.repository import RepositoryInfo, RepositoryRef
from tests.support.stores import NAME
from tests.support.virtual_time import run_in_virtual_time
from tests.support.workshop import Workshop


def request_of(workshop: Workshop, queue: ScanQueue, owners: Owners = EVERY_OWNER) -> RequestScan:
    return RequestScan(
        repositories=workshop.stores.repositories,
        scans=workshop.stores.scans,
        recovery=workshop.stores.recovery,
        source=workshop.source,
        queue=queue,
        owners=owners,
    )


async def list_scans(workshop: Workshop) -> list[Scan]:
    return list((await workshop.stores.scans.page(PageRequest(), None, EVERYTHING)).items)


async def test_the_scan_has_a_row_and_a_job_that_names_it(workshop: Workshop) -> None:
    queue = MemoryScanQueue()
    scan = await request_of(workshop, queue).request(
        NAME, "refs/heads/x", full=True, fix=False, reach=EVERYTHING
    )
    assert (scan.status, scan.trigger, scan.ref) == (
        ScanStatus.QUEUED,
        Trigger.API,
        "refs/heads/x",
    )
    assert queue.targets() == [
        ScanTarget(
            repository=NAME,
            trigger=Trigger.API,
            ref="refs/heads/x",
            scan_id=scan.id,
            full=True,
            fix=False,
        )
    ]
    assert await list_scans(workshop) == [scan]


async def test_a_repository_is_looked_up_once_and_then_known(workshop: Workshop) -> None:
    queue = MemoryScanQueue()
    request = request_of(workshop, queue)
    await request.request(NAME, None, full=False, fix=True, reach=EVERYTHING)
    workshop.source.failure = GitHubUnavailableError()
    await request.request(NAME.upper(), None, full=False, fix=True, reach=EVERYTHING)
    assert [target.repository for target in queue.targets()] == [NAME, NAME]


async def test_the_same_scan_id_is_one_scan(workshop: Workshop) -> None:
    request, scan_id = request_of(workshop, MemoryScanQueue()), str(uuid.uuid4())
    scans = [
        await request.request(NAME, None, full=False, fix=True, reach=EVERYTHING, scan_id=scan_id)
        for _ in range(2)
    ]
    assert scans[0] == scans[1]
    assert [scan.id for scan in await list_scans(workshop)] == [scan_id]


async def test_a_repository_that_github_does_not_show_leaves_no_row(workshop: Workshop) -> None:
    queue = MemoryScanQueue()
    with pytest.raises(RepositoryNotFoundError):
        await request_of(workshop, queue).request(
            "octo/none", None, full=False, fix=True, reach=EVERYTHING
        )
    assert (queue.messages, workshop.database.repositories) == ([], {})


async def test_a_scan_that_could_not_be_queued_has_failed(workshop: Workshop) -> None:
    queue = MemoryScanQueue()
    queue.available = False
    with pytest.raises(QueueUnavailableError):
        await request_of(workshop, queue).request(
            NAME, None, full=False, fix=True, reach=EVERYTHING
        )
    (scan,) = await list_scans(workshop)
    assert (scan.status, scan.failure) == (ScanStatus.FAILED, "queue_unavailable")


async def test_the_same_request_again_queues_a_scan_that_could_not_be_queued(
    workshop: Workshop,
) -> None:
    queue, scan_id = MemoryScanQueue(), str(uuid.uuid4())
    request = request_of(workshop, queue)
    queue.available = False
    with pytest.raises(QueueUnavailableError):
        await request.request(NAME, None, full=False, fix=True, reach=EVERYTHING, scan_id=scan_id)
    queue.available = True
    scan = await request.request(
        NAME, None, full=False, fix=True, reach=EVERYTHING, scan_id=scan_id
    )
    assert (scan.id, scan.status, scan.failure) == (scan_id, ScanStatus.QUEUED, None)
    assert await list_scans(workshop) == [scan]
    assert [target.scan_id for target in queue.targets()] == [scan_id]


def test_a_queue_that_does_not_answer_is_not_waited_for(tmp_path: Path) -> None:
    answer = threading.Event()

    class SilentQueue(MemoryScanQueue):
        """Accepts a scan only when nobody waits any more."""

        def send(self, target: ScanTarget) -> None:
            answer.wait()
            super().send(target)

    async def main() -> list[Scan]:
        workshop = Workshop(tmp_path)
        try:
            with pytest.raises(QueueUnavailableError):
                await request_of(workshop, SilentQueue()).request(
                    NAME, None, full=False, fix=True, reach=EVERYTHING
                )
        finally:
            answer.set()
        return await list_scans(workshop)

    (scan,) = run_in_virtual_time(main())
    assert (scan.status, scan.failure) == (ScanStatus.FAILED, "queue_unavailable")


async def test_a_repository_outside_of_the_reach_is_not_found_and_leaves_nothing(
    workshop: Workshop,
) -> None:
    queue = MemoryScanQueue()
    request = request_of(workshop, queue)
    for reach in (reach_of([]), reach_of(["octo/else"])):
        with pytest.raises(RepositoryNotFoundError):
            await request.request(NAME, None, full=False, fix=True, reach=reach)
    assert (queue.messages, workshop.database.repositories) == ([], {})
    await request.request(NAME, None, full=False, fix=True, reach=reach_of([NAME.upper()]))
    assert len(queue.messages) == 1


async def test_a_new_name_that_github_knows_is_checked_too(workshop: Workshop) -> None:
    """GitHub answers for a renamed or transferred repository with the one of today."""

    class Transferred(type(workshop.source)):  # type: ignore[misc]
        async def repository(self, repository_ref: RepositoryRef) -> RepositoryInfo:
            assert repository_ref.full_name == "octo/old"
            info = await super().repository(RepositoryRef(full_name=NAME))
            return replace(info, full_name="evil/new")

    workshop.source.__class__ = Transferred
    queue = MemoryScanQueue()
    with pytest.raises(RepositoryNotFoundError):
        await request_of(workshop, queue).request(
            "octo/old", None, full=False, fix=True, reach=reach_of(["octo/old"])
        )
    with pytest.raises(OwnerNotAllowedError):
        await request_of(workshop, queue, owners_of(["octo"])).request(
            "octo/old", None, full=False, fix=True, reach=EVERYTHING
        )
    assert (queue.messages, workshop.database.repositories) == ([], {})


async def test_kova_works_for_the_owners_that_are_named(workshop: Workshop) -> None:
    queue = MemoryScanQueue()
    with pytest.raises(OwnerNotAllowedError):
        await request_of(workshop, queue, owners_of(["acme", "oct"])).request(
            NAME, None, full=False, fix=True, reach=EVERYTHING
        )
    assert queue.messages == []
    await request_of(workshop, queue, owners_of(["acme", NAME.partition("/")[0].upper()])).request(
        NAME, None, full=False, fix=True, reach=EVERYTHING
    )
    assert len(queue.messages) == 1


async def test_with_owners_named_github_is_asked_for_a_known_repository_too(
    workshop: Workshop,
) -> None:
    """It may have been transferred since; while GitHub is down that cannot be told."""
    queue = MemoryScanQueue()
    request = request_of(workshop, queue, owners_of([NAME.partition("/")[0]]))
    await request.request(NAME, None, full=False, fix=True, reach=EVERYTHING)
    workshop.source.failure = GitHubUnavailableError()
    with pytest.raises(GitHubUnavailableError):
        await request.request(NAME, None, full=False, fix=True, reach=EVERYTHING)
    assert len(queue.messages) == 1
