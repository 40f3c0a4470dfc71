"""Deliveries that nobody took, at the front door: the sweep brings each of them back once."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest

from tests.server.conftest import Kova
from tests.server.test_events import follow
from tests.support.eventually import eventually
from tests.support.kova_process import run_command
from tests.support.ports import own_port

BAD = b"def f(x):\n    return x is 'a'\n"


def sweep(kova: Kova) -> str:
    process = run_command("sweep", environment=kova.environment)
    assert process.returncode == 0, process.stderr
    return process.stdout


def let_minutes_pass(kova: Kova, minutes: int) -> None:
    """Make GitHub's list so much older; the database's clock stays."""
    for delivery in kova.github.state.deliveries:
        moment = datetime.fromisoformat(delivery["delivered_at"]) - timedelta(minutes=minutes)
        delivery["delivered_at"] = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    with psycopg.connect(kova.environment["KOVA_DATABASE_URL"]) as connection:
        connection.execute(
            "UPDATE sweeps SET swept_to = swept_to - make_interval(mins => %s)", [minutes]
        )


@pytest.fixture
def kova(kova: Kova) -> Kova:
    """The product, whose App sends its webhooks to it, with a worker that has just begun.

    It sweeps by itself a minute later: what a test counts would otherwise be asked for by either.
    """
    kova.workers[-1].terminate()
    kova.workers[-1].wait(timeout=30)
    kova.start_worker()
    kova.github.context.credentials.app.hook_url = f"{kova.address}/webhooks/github"
    return kova


def test_pushes_while_kova_was_away_are_scanned_after_the_sweep(kova: Kova) -> None:
    state = kova.github.state
    nowhere = f"http://127.0.0.1:{own_port()}/webhooks/github"
    for number in range(3):
        name = f"octo/sample{number}"
        state.create_repository(name, files={"a.py": BAD})
        with contextlib.suppress(httpx.TransportError):
            kova.github.deliver(nowhere, "push", kova.github.push_event(name))
    kova.push("octo/arrived", {"a.py": BAD})
    kova.wait_for_scans(1)
    assert sweep(kova) == "Deliveries: 4 looked at, 0 asked for again, 0 given up.\n"
    let_minutes_pass(kova, 5)
    assert sweep(kova) == "Deliveries: 4 looked at, 3 asked for again, 0 given up.\n"
    scans = kova.wait_for_scans(4)
    assert {scan["status"] for scan in scans} == {"succeeded"}
    assert {scan["repository"] for scan in scans} == {
        *(f"octo/sample{number}" for number in range(3)),
        "octo/arrived",
    }
    let_minutes_pass(kova, 60)
    assert "0 asked for again" in sweep(kova)
    assert len(kova.wait_for_scans(4)) == 4


def test_a_delivery_whose_work_is_done_is_not_asked_for(kova: Kova) -> None:
    kova.push("octo/sample", {"a.py": BAD})
    kova.wait_for_scans(1)
    # The job was taken, and the answer never arrived.
    kova.github.state.deliveries[-1]["status_code"] = 0
    let_minutes_pass(kova, 5)
    assert sweep(kova) == "Deliveries: 1 looked at, 0 asked for again, 0 given up.\n"


def test_events_while_kova_was_away_are_followed_after_the_sweep(kova: Kova) -> None:
    kova.push("octo/sample", {"a.py": BAD})
    kova.wait_for_scans(1)
    nowhere = f"http://127.0.0.1:{own_port()}/webhooks/github"
    kova.github.state.repository("octo/sample").private = True
    private = kova.github.repository_event("octo/sample", "privatized")
    kova.github.state.create_repository("octo/other", files={"a.py": BAD})
    added = kova.github.installation_event("added", "octo/other")
    for event, payload in (("repository", private), ("installation_repositories", added)):
        with contextlib.suppress(httpx.TransportError):
            kova.github.deliver(nowhere, event, payload)
    let_minutes_pass(kova, 5)
    assert "2 asked for again" in sweep(kova)
    eventually(
        lambda: (
            {row["full_name"]: row["private"] for row in kova.all("/api/repositories")}
            == {"octo/sample": True, "octo/other": False}
        )
    )


def test_an_event_that_was_followed_is_not_asked_for(kova: Kova) -> None:
    kova.push("octo/sample", {"a.py": BAD})
    kova.wait_for_scans(1)
    follow(kova, "repository", kova.github.repository_event("octo/sample", "publicized"))
    kova.github.state.deliveries[-1]["status_code"] = 504  # The answer was lost on its way.
    let_minutes_pass(kova, 5)
    assert "0 asked for again" in sweep(kova)
