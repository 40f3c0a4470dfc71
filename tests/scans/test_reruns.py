"""A re-run scans again, however the scan ended, and finds what GitHub's event leaves out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kova.scans.scan import ScanStatus, ScanTarget, Trigger
from kova.shared.exceptions import InvalidInputError
from tests.support.simulated_worker import SimulatedWorker
from tests.support.stores import NAME

BAD = "def f():\n    BAD(x)\n"


@pytest.fixture
def worker(tmp_path: Path) -> SimulatedWorker:
    return SimulatedWorker(tmp_path)


def pull_target(worker: SimulatedWorker) -> ScanTarget:
    """Push to a branch, open a pull request of it and deliver its event."""
    workshop = worker.workshop
    sha = workshop.push("feature", a=BAD, b=BAD)
    pull = workshop.source.open_pull_request(NAME, head="feature")
    target = ScanTarget(
        repository=NAME,
        trigger=Trigger.PULL_REQUEST,
        github_id=workshop.info.github_id,
        default_branch="main",
        ref=f"refs/pull/{pull.number}/head",
        commit_sha=sha,
        base_sha=pull.base_sha,
        pull_request=pull.number,
    )
    worker.send(target)
    return target


async def test_a_rerun_scans_again_what_succeeded(worker: SimulatedWorker) -> None:
    target = worker.push(a=BAD)
    await worker.work()
    worker.workshop.publisher.check_runs.clear()
    worker.send(target)
    await worker.work()
    assert worker.workshop.publisher.check_runs == {}
    worker.send(replace(target, rerun=True))
    await worker.work()
    (scan,) = await worker.scans()
    assert (scan.status, scan.stats.new_errors) == (ScanStatus.SUCCEEDED, 1)
    assert list(worker.workshop.publisher.check_runs) == [(NAME, target.commit_sha, "kova/branch")]


async def test_a_rerun_that_is_received_again_after_its_end_scans_nothing(
    worker: SimulatedWorker,
) -> None:
    target = worker.push(a=BAD)
    await worker.work()
    worker.send(replace(target, rerun=True))
    worker.dies_before = "end"
    await worker.work()
    assert len(worker.workshop.tool.runs) == 1  # The second scan knows the file.
    (scan,) = await worker.scans()
    assert (scan.attempts, len(worker.queue)) == (1, 0)


async def test_a_rerun_of_all_checks_scans_the_branch_and_the_pull_request(
    worker: SimulatedWorker,
) -> None:
    worker.push(a=BAD)
    await worker.work()
    pull = pull_target(worker)
    worker.workshop.source.push(NAME, {"a.py": b""}, branch="main")
    branch = replace(
        worker.push(a=BAD), commit_sha=pull.commit_sha, ref="refs/heads/feature", delivery="other"
    )
    worker.send(branch)
    await worker.work()
    worker.workshop.publisher.check_runs.clear()
    worker.send(
        ScanTarget(repository=NAME, trigger=Trigger.PUSH, commit_sha=pull.commit_sha, rerun=True)
    )
    await worker.work()
    checks = {external_id for _, _, external_id in worker.workshop.publisher.check_runs}
    assert checks == {"kova/branch", "kova/pull/1"}


@pytest.mark.parametrize("is_known", [True, False])
async def test_a_rerun_of_a_forks_pull_request_finds_its_base(
    worker: SimulatedWorker, *, is_known: bool
) -> None:
    worker.push(a=BAD)
    await worker.work()
    pull = pull_target(worker)
    if is_known:
        worker.workshop.source.failure = InvalidInputError()
        await worker.work()
        worker.workshop.source.failure = None
    else:
        worker.queue._messages.clear()
    worker.send(replace(pull, base_sha=None, rerun=True))
    await worker.work()
    scans = await worker.scans()
    assert len(scans) == 2
    assert (scans[-1].status, scans[-1].stats.new_errors) == (ScanStatus.SUCCEEDED, 1)


async def test_a_rerun_of_a_commit_that_kova_never_scanned_is_no_scan(
    worker: SimulatedWorker,
) -> None:
    sha = worker.workshop.push(a=BAD)
    await worker.workshop.repository()
    worker.send(ScanTarget(repository=NAME, trigger=Trigger.PUSH, commit_sha=sha, rerun=True))
    await worker.work()
    assert (await worker.scans(), len(worker.queue)) == ([], 0)
