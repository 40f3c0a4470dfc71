"""A busy repository leaves room for others: by the queue's groups, and by its share of workers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kova_fakes.github import Fault
from tests.embedded.conftest import LocalSqs
from tests.server.conftest import Kova, run_kova_with_github
from tests.support.eventually import eventually
from tests.support.services import services_in_force

BUSY, QUIET = "octo/busy", "octo/quiet"
FILES = {"a.py": b"def f(x):\n    return x is 'a'\n"}


@pytest.fixture
def local_sqs(tmp_path: Path) -> Iterator[LocalSqs]:
    server = LocalSqs(tmp_path / "sqs")
    server.start()
    yield server
    server.kill()


def open_pulls(kova: Kova, number: int) -> None:
    """Open pull requests of the busy repository, each with a commit of its own, and deliver them."""
    kova.github.state.create_repository(BUSY, files=FILES)
    for index in range(number):
        branch = f"topic-{index}"
        kova.github.state.push(BUSY, {"b.py": b"x = %d\n" % index}, branch=branch)
        pull = kova.github.state.open_pull(BUSY, head=branch, base="main", title=branch)
        payload = kova.github.pull_request_event(BUSY, pull)
        answer = kova.github.deliver(f"{kova.address}/webhooks/github", "pull_request", payload)
        assert answer.status_code == 202


def count_ended(kova: Kova, name: str) -> int:
    scans = kova.all("/api/scans", repository=name)
    return sum(scan["status"] not in {"queued", "running"} for scan in scans)


def count_running(kova: Kova, name: str) -> int:
    scans = kova.all("/api/scans", repository=name)
    return sum(scan["status"] == "running" for scan in scans)


def test_one_push_behind_three_hundred_others_is_done_within_the_time_of_four_scans(
    tmp_path: Path, local_sqs: LocalSqs, monkeypatch: pytest.MonkeyPatch
) -> None:
    services_in_force()  # They name another queue, once.
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", local_sqs.endpoint)
    with run_kova_with_github(tmp_path) as kova:
        open_pulls(kova, 300)
        kova.push(QUIET, FILES)
        kova.start_worker()
        (scan,) = kova.wait_for_scans(1, repository=QUIET)
        assert scan["status"] == "succeeded"
        assert count_ended(kova, BUSY) <= 4


def test_a_share_leaves_room_where_the_queue_knows_no_groups(tmp_path: Path) -> None:
    with run_kova_with_github(tmp_path, KOVA_SCANS_PER_REPOSITORY="1") as kova:
        # The first scan is held; without a share the second one's would take the other place.
        kova.github.inject(Fault(kind="slow", path="/busy/git/trees/", times=10**6, seconds=60))
        open_pulls(kova, 12)
        kova.push(QUIET, FILES)
        kova.start_worker()
        (scan,) = kova.wait_for_scans(1, repository=QUIET)
        assert scan["status"] == "succeeded"
        busy = kova.all("/api/scans", repository=BUSY)
        running = [scan for scan in busy if scan["status"] == "running"]
        assert (len(running), count_ended(kova, BUSY)) == (1, 0)
        kova.workers[-1].kill()  # Its scan would end in a minute.


def test_a_hostile_repository_in_every_lane_costs_a_neighbour_one_jobs_bound(
    tmp_path: Path, local_sqs: LocalSqs, monkeypatch: pytest.MonkeyPatch
) -> None:
    services_in_force()  # They name another queue, once.
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", local_sqs.endpoint)
    # No share: its jobs fill all lanes of the worker, and each of them lasts as long as one may.
    with run_kova_with_github(
        tmp_path, KOVA_FETCH_SECONDS="2", KOVA_SCANS_PER_REPOSITORY="64"
    ) as kova:
        drip = Fault(kind="slow", path="/busy/(git/blobs|tarball)", times=10**6, seconds=60)
        kova.github.inject(drip)
        open_pulls(kova, 20)
        kova.start_worker()
        eventually(lambda: count_running(kova, BUSY) >= 2, 30)
        kova.push(QUIET, FILES)
        (scan,) = kova.wait_for_scans(1, repository=QUIET)
        assert scan["status"] == "succeeded"
        # Those that were in the lanes, and those that began while it was scanned.
        assert count_ended(kova, BUSY) <= 4
        kova.workers[-1].kill()  # Its lanes would end in some seconds.
