"""A worker may die at any instruction, and messages may be lost: each scan ends, and ends once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from kova.scans.message import ScanJob
from kova.scans.recover_scans import MOST_REQUEUES
from kova.scans.scan import ScanStatus
from kova.scans.scan_repository import MOST_DEATHS
from kova.scans.worker_slots import WorkerSlots
from kova.shared.exceptions import (
    BusyError,
    GitHubUnavailableError,
    InvalidInputError,
    KovaError,
    RepositoryNotFoundError,
)
from kova.shared.run_job import Later
from tests.support.simulated_worker import BEGIN, KilledError, SimulatedWorker
from tests.support.stores import LEASE, NAME, scan_target

BAD = "def f():\n    BAD(x)\n"


@pytest.fixture
def worker(tmp_path: Path) -> SimulatedWorker:
    return SimulatedWorker(tmp_path)


def deaths_of(worker: SimulatedWorker, scan_id: str) -> int:
    return worker.workshop.database.scans[scan_id].worker_deaths


def kill_while_analyzing(worker: SimulatedWorker, text: str) -> None:
    """Let the process die whenever an analyser reads such a text."""
    analyze = worker.workshop.tool.analyze

    def analyze_or_die(folder: Path, paths: list[str]) -> object:
        if any(text in (folder / path).read_text() for path in paths):
            raise KilledError
        return analyze(folder, paths)

    worker.workshop.tool.analyze = analyze_or_die  # type: ignore[method-assign, assignment]


async def test_a_scan_that_kills_its_worker_ends_as_failed_and_says_so(
    worker: SimulatedWorker,
) -> None:
    kill_while_analyzing(worker, "deadly")
    target = worker.push(a=BAD + "# deadly\n")
    worker.push(a=BAD)
    await worker.work()
    killer, neighbour = await worker.scans()
    assert (neighbour.status, killer.status) == (ScanStatus.SUCCEEDED, ScanStatus.FAILED)
    assert killer.failure == (
        "worker_killed: The scan ended its worker 3 times: for want of memory or time, or by a"
        " crash."
    )
    assert (killer.attempts, deaths_of(worker, killer.id)) == (MOST_DEATHS + 1, MOST_DEATHS)
    check_run = worker.workshop.publisher.check_runs[NAME, target.commit_sha, "kova/branch"]  # type: ignore[index]
    assert "ended its worker 3 times" in check_run.summary
    assert worker.elapsed < timedelta(minutes=5)
    assert (len(worker.queue), worker.queue.dead) == (0, [])
    # A redelivery gives it one more attempt, and no more.
    worker.send(target)
    await worker.work()
    killer, _ = await worker.scans()
    assert (killer.status, killer.attempts) == (ScanStatus.FAILED, 2)


@pytest.mark.parametrize("step", ["send", "delete"])
@pytest.mark.parametrize("times", [1, 3])
async def test_a_worker_that_dies_while_it_puts_a_scan_off_loses_nothing(
    worker: SimulatedWorker, step: str, times: int
) -> None:
    worker.push(a=BAD)
    worker.fail_until(timedelta(minutes=30), GitHubUnavailableError())
    for _ in range(times):
        worker.dies_before = step
        await worker.work(until=worker.elapsed + timedelta(minutes=4))
        assert worker.dies_before is None
    await worker.work()
    (scan,) = await worker.scans()
    assert (scan.status, scan.stats.new_errors) == (ScanStatus.SUCCEEDED, 1)
    assert deaths_of(worker, scan.id) == 0
    assert (len(worker.queue), worker.queue.dead) == (0, [])
    assert len(worker.workshop.publisher.check_runs) == 1


async def test_a_death_between_the_row_and_the_message_begins_no_attempt_too_early(
    worker: SimulatedWorker,
) -> None:
    worker.push(a=BAD)
    worker.fail_until(timedelta(hours=2), GitHubUnavailableError())
    await worker.work(until=timedelta(minutes=30))
    (scan,) = await worker.scans()
    worker.dies_before = "send"
    await worker.work(until=timedelta(minutes=47))
    (after,) = await worker.scans()
    assert after.attempts == scan.attempts + 1
    assert after.retry_at is not None
    assert after.retry_at > BEGIN + timedelta(minutes=47)
    assert len(worker.queue) == 1


async def test_two_messages_of_one_scan_are_one_again_after_the_next_attempt(
    worker: SimulatedWorker,
) -> None:
    worker.push(a=BAD)
    worker.fail_until(timedelta(hours=3), GitHubUnavailableError())
    worker.dies_before = "delete"
    await worker.work(until=timedelta(minutes=1))
    await worker.work(until=timedelta(hours=1))
    assert len(worker.queue) == 1
    await worker.work()
    (scan,) = await worker.scans()
    assert scan.status is ScanStatus.SUCCEEDED


async def test_a_death_after_the_end_begins_nothing_again(worker: SimulatedWorker) -> None:
    worker.push(a=BAD)
    worker.dies_before = "end"
    await worker.work()
    (scan,) = await worker.scans()
    assert (scan.status, scan.attempts, worker.attempts) == (ScanStatus.SUCCEEDED, 1, 2)


@pytest.mark.parametrize(
    ("error", "attempts"), [(InvalidInputError("No."), 1), (RepositoryNotFoundError(), 12)]
)
async def test_a_death_after_a_failed_end_is_not_taken_for_a_new_wish(
    worker: SimulatedWorker, error: KovaError, attempts: int
) -> None:
    worker.push(a=BAD)
    worker.fail_until(timedelta(days=1), error)
    worker.dies_before = "end"
    await worker.work()
    (scan,) = await worker.scans()
    assert (scan.status, scan.attempts) == (ScanStatus.FAILED, attempts)
    assert (worker.dies_before, worker.attempts) == (None, attempts + 1)
    assert len(worker.queue) == 0


async def test_a_fault_of_our_own_is_tried_again_and_ends_without_its_details(
    worker: SimulatedWorker,
) -> None:
    worker.workshop.tool.analyze = None  # type: ignore[assignment, method-assign]
    worker.push(a=BAD)
    await worker.work()
    (scan,) = await worker.scans()
    assert scan.status is ScanStatus.FAILED
    assert scan.failure is not None
    assert scan.failure.startswith(
        "internal_fault: A fault of Kova's own, TypeError, ended the scan. It was tried 12 times"
    )


async def test_waiting_for_another_worker_uses_up_nothing(worker: SimulatedWorker) -> None:
    workshop = worker.workshop
    sha = workshop.push(a=BAD)
    repository = await workshop.repository()
    branch = await workshop.stores.scans.create(scan_target(commit_sha=sha), repository.id)
    claim = await workshop.stores.scans.claim(branch.id, LEASE)
    assert claim is not None
    number = workshop.source.open_pull_request(NAME, head="main").number
    pull = scan_target(pull_request=number, base_sha=sha, commit_sha=sha, scan_id=None)
    worker.send(pull)

    async def hold_until_an_hour_is_over(_: ScanJob) -> None:
        if worker.elapsed < timedelta(hours=1):
            assert await workshop.stores.scans.renew(claim, timedelta(minutes=2))

    worker.on_attempt = hold_until_an_hour_is_over
    await worker.work()
    waits = [outcome for outcome in worker.outcomes if isinstance(outcome, Later)]
    assert len(waits) > 50
    assert {outcome.reason for outcome in waits} == {BusyError.reason}
    _, scan = await worker.scans()
    assert (scan.status, scan.attempts) == (ScanStatus.SUCCEEDED, 1)
    assert worker.queue.dead == []


async def test_a_scan_whose_message_was_lost_is_queued_again(worker: SimulatedWorker) -> None:
    worker.push(a=BAD)
    worker.fail_until(timedelta(minutes=2), GitHubUnavailableError())
    await worker.work(until=timedelta(minutes=1))
    worker.queue._messages.clear()
    assert await worker.recover.recover() == 0
    worker.clock.advance(timedelta(minutes=20))
    assert await worker.recover.recover() == 1
    await worker.work()
    (scan,) = await worker.scans()
    assert scan.status is ScanStatus.SUCCEEDED


async def test_a_scan_whose_worker_and_message_are_gone_resumes_within_two_minutes(
    worker: SimulatedWorker,
) -> None:
    kill_while_analyzing(worker, "BAD")
    worker.push(a=BAD)
    await worker.work(until=timedelta(seconds=1))
    worker.queue._messages.clear()
    worker.clock.advance(timedelta(seconds=75))
    assert await worker.recover.recover() == 1
    assert len(worker.queue) == 1
    assert worker.elapsed < timedelta(minutes=2)


async def test_a_scan_that_no_worker_ever_takes_up_ends_with_a_reason(
    worker: SimulatedWorker,
) -> None:
    repository = await worker.workshop.repository()
    target = scan_target(commit_sha=worker.workshop.push(a=BAD))
    await worker.workshop.stores.scans.create(target, repository.id)
    sent = 0
    for _ in range(MOST_REQUEUES + 1):
        worker.clock.advance(timedelta(hours=7))
        assert await worker.recover.recover() == 1
        sent += len(worker.queue)
        worker.queue._messages.clear()
    (scan,) = await worker.scans()
    assert (sent, scan.status) == (MOST_REQUEUES, ScanStatus.FAILED)
    assert scan.failure == (
        "scan_lost: No worker took the scan up, though it was queued again and again."
    )
    check_run = worker.workshop.publisher.check_runs[NAME, target.commit_sha, "kova/branch"]  # type: ignore[index]
    assert "scan_lost" in check_run.summary
    assert await worker.recover.recover() == 0


async def test_a_suspect_waits_for_the_others_and_they_wait_for_it() -> None:
    slots, log = WorkerSlots(), list[str]()
    ends = {name: asyncio.Event() for name in ("first", "second", "suspect")}

    async def run(name: str) -> None:
        async with slots.alone() if name == "suspect" else slots.shared():
            log.append(f"{name} begins")
            await ends[name].wait()
            log.append(f"{name} ends")

    async def settle() -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        for name in ("first", "suspect", "second"):
            tasks.create_task(run(name))
            await settle()
        assert log == ["first begins"]
        ends["first"].set()
        await settle()
        assert log[1:] == ["first ends", "suspect begins"]
        ends["suspect"].set()
        await settle()
        assert log[3:] == ["suspect ends", "second begins"]
        ends["second"].set()


async def test_who_stops_waiting_to_be_alone_is_in_nobodys_way() -> None:
    slots = WorkerSlots()
    async with slots.shared():
        waiting = asyncio.create_task(slots.alone().__aenter__())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        async with asyncio.timeout(5), slots.shared():
            pass
