"""A scan that kills its worker again and again ends as failed, and takes no neighbour along."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kova_fakes.github import Fault
from tests.server.conftest import Kova, run_kova_with_github
from tests.support.eventually import eventually
from tests.support.queues import dead_letters

BAD = b"def f(x):\n    return x is 'a'\n"
KILLER, NEIGHBOUR = "octo/killer", "octo/neighbour"


@pytest.fixture(scope="module")
def kova(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kova]:
    """A product whose workers die."""
    folder: Path = tmp_path_factory.mktemp("killed")
    with run_kova_with_github(folder, KOVA_WORKER_VISIBILITY_SECONDS="3") as product:
        yield product


def attempts(kova: Kova, name: str, status: str = "running") -> int:
    """Return how often a scan was taken up, 0 while it is not in this status."""
    scans = kova.all("/api/scans", repository=name)
    return scans[0]["attempts"] if scans and scans[0]["status"] == status else 0


def test_a_scan_that_kills_its_worker_ends_and_its_neighbour_succeeds(kova: Kova) -> None:
    for name in (KILLER, NEIGHBOUR):
        kova.github.state.create_repository(name, files={"a.py": BAD})
    # The killer is held in the middle of each attempt, until its worker is killed.
    kova.github.inject(Fault(kind="slow", path="/killer/git/trees/", times=10**6, seconds=60))
    kova.github.inject(Fault(kind="slow", path="/neighbour/git/trees/", times=1, seconds=60))
    kova.start_worker()
    for name in (KILLER, NEIGHBOUR):
        payload = kova.github.push_event(name)
        url = f"{kova.address}/webhooks/github"
        assert kova.github.deliver(url, "push", payload).status_code == 202
    eventually(lambda: attempts(kova, KILLER) and attempts(kova, NEIGHBOUR), 60)
    for attempt in (1, 2, 3):
        eventually(lambda number=attempt: attempts(kova, KILLER) == number, 90)  # type: ignore[misc]
        kova.workers[-1].kill()
        kova.start_worker()
    scans = {scan["repository"]: scan for scan in kova.wait_for_scans(2, seconds=120)}
    killer, neighbour = scans[KILLER], scans[NEIGHBOUR]
    assert (neighbour["status"], neighbour["attempts"]) == ("succeeded", 2)
    assert killer["status"] == "failed"
    assert killer["failure"].startswith("worker_killed: The scan ended its worker 3 times")
    (run,) = kova.github.state.check_runs(KILLER)
    assert (run["conclusion"], run["output"]["title"]) == (
        "failure",
        "Kova could not scan this commit",
    )
    assert dead_letters(kova.environment["KOVA_SCAN_QUEUE_URL"]) == []
