"""A failure is never the end: hours of outages and refusals, in simulated time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from kova.scans.message import decode_scan_job
from kova.scans.scan import ScanStatus
from kova.shared.exceptions import (
    GitHubRateLimitedError,
    GitHubRefusedError,
    GitHubUnavailableError,
    KovaError,
    RepositoryNotFoundError,
)
from kova.shared.reach import EVERYTHING
from kova.shared.run_job import Done, GiveUp, JobEnded
from tests.support.simulated_worker import SimulatedWorker
from tests.support.stores import NAME, scan_target

BAD = "def f():\n    BAD(x)\n"
REFUSED = {
    kind: GitHubRefusedError("GitHub refuses the request: No.", refusal=kind)
    for kind in ("invalid", "unauthenticated", "forbidden")
}


@pytest.fixture
def worker(tmp_path: Path) -> SimulatedWorker:
    return SimulatedWorker(tmp_path)


async def statuses(worker: SimulatedWorker) -> list[str]:
    return [scan.status.value for scan in await worker.scans()]


@pytest.mark.parametrize(
    ("error", "lasts"),
    [
        (GitHubUnavailableError(), timedelta(hours=3)),
        (GitHubUnavailableError(), timedelta(seconds=271)),
        (GitHubRateLimitedError(retry_after=3_000.0), timedelta(minutes=50)),
        (GitHubRateLimitedError(retry_after=60.0), timedelta(hours=2)),
        (RepositoryNotFoundError(), timedelta(minutes=1)),
        (REFUSED["invalid"], timedelta(minutes=10)),
        (REFUSED["unauthenticated"], timedelta(hours=1)),
        (REFUSED["forbidden"], timedelta(minutes=30)),
    ],
)
async def test_every_scan_succeeds_after_what_passes(
    worker: SimulatedWorker, error: KovaError, lasts: timedelta
) -> None:
    for number in range(5):
        worker.push(a=BAD + f"n = {number}\n")
    worker.fail_until(lasts, error)
    await worker.work()
    assert await statuses(worker) == ["succeeded"] * 5
    assert lasts <= worker.elapsed <= lasts + timedelta(minutes=16)
    assert worker.queue.dead == []
    assert len(worker.workshop.publisher.check_runs) == 5


async def test_github_is_not_asked_before_the_time_that_it_named(worker: SimulatedWorker) -> None:
    worker.push(a=BAD)
    worker.fail_until(timedelta(minutes=50), GitHubRateLimitedError(retry_after=3_000.0))
    await worker.work()
    (scan,) = await worker.scans()
    # A wait of 50 minutes is four messages and one claim.
    assert (scan.status, scan.attempts, worker.attempts) == (ScanStatus.SUCCEEDED, 2, 5)


@pytest.mark.parametrize(
    ("error", "hours", "text"),
    [
        (GitHubUnavailableError(), 24, "It was tried 10"),
        (REFUSED["unauthenticated"], 2, "whoever runs Kova can see why"),
        (REFUSED["forbidden"], 1, "Is the App suspended, or does it lack a permission?"),
        (RepositoryNotFoundError(), 1 / 3, "Does the commit still exist"),
    ],
)
async def test_what_stays_ends_with_a_reason_and_is_taken_up_by_a_redelivery(
    worker: SimulatedWorker, error: KovaError, hours: float, text: str
) -> None:
    target = worker.push(a=BAD)
    worker.fail_until(timedelta(days=3), error)
    await worker.work()
    (scan,) = await worker.scans()
    assert scan.status is ScanStatus.FAILED
    assert scan.failure is not None
    assert scan.failure.startswith(f"{error.reason}: {error.message}")
    assert text in scan.failure
    assert timedelta(hours=hours) <= worker.elapsed <= timedelta(hours=hours, minutes=16)
    assert isinstance(worker.outcomes[-1], JobEnded)
    assert (len(worker.queue), worker.queue.dead) == (0, [])
    worker.fail_until(timedelta(), error)
    worker.send(target)
    await worker.work()
    (scan,) = await worker.scans()
    assert (scan.status, scan.failure, scan.stats.errors) == (ScanStatus.SUCCEEDED, None, 1)


async def test_the_end_is_a_completed_check_run_that_a_later_scan_replaces(
    worker: SimulatedWorker,
) -> None:
    target = worker.push(a="")
    workshop = worker.workshop
    workshop.source.failure = REFUSED["forbidden"]
    await worker.work()
    key = (NAME, target.commit_sha, "kova/branch")
    check_run = workshop.publisher.check_runs[key]  # type: ignore[index]
    assert (check_run.conclusion, check_run.annotations) == ("failure", ())
    assert check_run.title == "Kova could not scan this commit"
    assert "GitHub refuses the request: No." in check_run.summary
    assert "github_refused" in check_run.summary
    workshop.source.failure = None
    worker.send(target)
    await worker.work()
    assert workshop.publisher.check_runs[key].conclusion == "success"  # type: ignore[index]


async def test_an_end_that_github_does_not_take_is_in_the_row_alone(
    worker: SimulatedWorker,
) -> None:
    worker.push(a="")
    worker.fail_until(timedelta(days=3), REFUSED["forbidden"])
    await worker.work()
    assert await statuses(worker) == ["failed"]
    assert worker.workshop.publisher.check_runs == {}


async def test_postgres_may_be_away_for_days(worker: SimulatedWorker) -> None:
    worker.push(a=BAD)
    worker.workshop.database.available = False
    await worker.work(until=timedelta(days=4))
    assert len(worker.queue) == 1
    assert worker.queue.dead == []
    worker.workshop.database.available = True
    await worker.work()
    assert await statuses(worker) == ["succeeded"]


async def test_postgres_may_go_away_in_the_middle_of_every_attempt(
    worker: SimulatedWorker,
) -> None:
    worker.push(a=BAD)
    workshop = worker.workshop
    tries = 0

    async def break_off(_: object) -> None:
        nonlocal tries
        tries += 1
        workshop.database.available = True
        workshop.source.failure = None

    analyze = workshop.tool.analyze

    def analyze_and_lose(*args: object) -> object:
        if tries < 6:
            workshop.database.available = False
        return analyze(*args)  # type: ignore[arg-type]

    worker.on_attempt = break_off
    workshop.tool.analyze = analyze_and_lose  # type: ignore[method-assign, assignment]
    await worker.work()
    (scan,) = await worker.scans()
    # No attempt is a death, though none of the first five gave its lease back.
    assert (scan.status, scan.attempts) == (ScanStatus.SUCCEEDED, 6)
    assert workshop.database.scans[scan.id].worker_deaths == 0


async def test_a_repository_that_github_never_showed_is_among_the_dead_letters(
    worker: SimulatedWorker,
) -> None:
    worker.send(scan_target(repository="octo/none"))
    await worker.work()
    assert isinstance(worker.outcomes[-1], GiveUp)
    ((body, reason),) = worker.queue.dead
    assert reason is not None
    assert reason.startswith("repository_not_found: ")
    assert decode_scan_job(body).target.repository == "octo/none"


async def test_a_second_wish_is_tried_at_once_and_leaves_one_message(
    worker: SimulatedWorker,
) -> None:
    target = worker.push(a=BAD)
    worker.fail_until(timedelta(hours=3), GitHubUnavailableError())
    await worker.work(until=timedelta(hours=2))
    assert len(worker.queue) == 1
    (before,) = await worker.scans()
    for _ in range(3):
        worker.send(target)
    await worker.work(until=timedelta(hours=2, minutes=5))
    (after,) = await worker.scans()
    assert after.attempts == before.attempts + 3
    # Until their moments come, the waits that nobody needs any more are still there.
    await worker.work(until=timedelta(hours=2, minutes=30))
    assert len(worker.queue) == 1
    await worker.work()
    assert await statuses(worker) == ["succeeded"]
    assert isinstance(worker.outcomes[-1], Done)


async def test_a_repository_that_is_renamed_meanwhile_keeps_its_new_name(
    worker: SimulatedWorker,
) -> None:
    worker.push(a=BAD)
    worker.fail_until(timedelta(hours=1), GitHubUnavailableError())
    await worker.work(until=timedelta(minutes=30))
    workshop = worker.workshop
    workshop.source._repositories["octo/renamed"] = workshop.source._repositories[NAME]
    renamed = replace(workshop.info, full_name="octo/renamed", installation_id=9)
    await workshop.stores.repositories.save(renamed)
    workshop.source._repositories[NAME].info = renamed
    await worker.work()
    (scan,) = await worker.scans()
    assert (scan.status, scan.repository) == (ScanStatus.SUCCEEDED, "octo/renamed")
    stored = await workshop.stores.repositories.get("octo/renamed", EVERYTHING)
    assert stored is not None
    assert stored.installation_id == 9
