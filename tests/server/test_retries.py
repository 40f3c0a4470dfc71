"""What a moment can mend is tried again by itself, and nothing that failed stays so for ever."""

from __future__ import annotations

import uuid

import pytest

from kova_fakes.github import Fault
from tests.server.conftest import Kova

BAD = b"def f(x):\n    return x is 'a'\n"
NAME = "octo/sample"


@pytest.mark.parametrize(
    ("kind", "method", "path"),
    [
        ("404", "GET", "/git/trees/"),
        ("422", "GET", "/commits/heads/main$"),
        ("401", "POST", "/access_tokens$"),
        ("suspended", "POST", "/access_tokens$"),
        ("secondary", "GET", "/git/trees/"),
        ("422", "POST", "/check-runs$"),
    ],
)
def test_a_refusal_that_a_moment_mends_costs_no_scan(
    kova: Kova, kind: str, method: str, path: str
) -> None:
    kova.github.inject(Fault(kind=kind, method=method, path=path, times=2))  # type: ignore[arg-type]
    kova.push(NAME, {"a.py": BAD})
    (scan,) = kova.wait_for_scans(1)
    assert (scan["status"], scan["failure"]) == ("succeeded", None)
    assert len(kova.all("/api/errors", repository=NAME)) == 1
    (run,) = kova.github.state.check_runs(NAME)
    assert run["conclusion"] == "failure"


def test_a_redelivery_of_a_failed_scan_is_scanned(kova: Kova) -> None:
    guid = str(uuid.uuid4())
    kova.push(NAME, {"a.py": BAD})
    kova.wait_for_scans(1)
    import psycopg

    with psycopg.connect(kova.environment["KOVA_DATABASE_URL"]) as connection:
        connection.execute("UPDATE scans SET status = 'failed', failure = 'x'")
    kova.deliver(NAME, guid)
    from tests.support.eventually import eventually

    eventually(lambda: [s for s in kova.all("/api/scans") if s["status"] == "succeeded"], 20)
