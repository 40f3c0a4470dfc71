"""Queue messages from nowhere are refused, not stumbled over."""

import json
import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kova.scans.message import ScanJob, ScanRetry, decode_scan_job, encode_scan_job
from kova.shared.exceptions import MalformedMessageError
from kova.shared.retry import FailureKind
from tests.support.stores import scan_target

GOOD = {"version": 1, "kind": "scan", "repository": "octo/sample", "trigger": "push"}


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        "[" * 100_000,
        json.dumps(GOOD | {"version": 2}),
        json.dumps(GOOD | {"trigger": "x"}),
        json.dumps(GOOD | {"repository": "a/../b"}),
        json.dumps(GOOD | {"pull_request": True}),
        json.dumps(GOOD | {"ref": 5}),
        json.dumps({key: value for key, value in GOOD.items() if key != "repository"}),
    ],
)
def test_a_malformed_message_is_refused(body: str) -> None:
    with pytest.raises(MalformedMessageError):
        decode_scan_job(body)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(MalformedMessageError):
        decode_scan_job(text)


def test_a_field_of_a_later_version_is_tolerated() -> None:
    assert decode_scan_job(json.dumps(GOOD | {"new": 1})).target.repository == "octo/sample"


def test_what_a_message_says_that_was_sent_on_is_read_as_it_was_written() -> None:
    retry = ScanRetry(
        due_at=datetime(2026, 11, 30, 12, 0, 0, 123_456, tzinfo=UTC),
        kind=FailureKind.DATABASE,
        attempt=7,
        since=datetime(2026, 11, 30, 11, tzinfo=UTC),
        lease=str(uuid.uuid4()),
    )
    for job in (
        ScanJob(target=scan_target(), retry=retry),
        ScanJob(target=scan_target(), retry=ScanRetry()),
        ScanJob(target=scan_target(rerun=True)),
    ):
        assert decode_scan_job(encode_scan_job(job)) == job


@pytest.mark.parametrize(
    "retry",
    [
        [],
        {"attempt": -1},
        {"attempt": True},
        {"kind": "Im patience"},
        {"kind": 1},
        {"due_at": "soon"},
        {"due_at": 5},
        {"since": "2026-11-30T12:00:00"},
        {"lease": "x"},
        {"lease": 1},
    ],
)
def test_a_message_that_was_sent_on_by_somebody_else_is_refused(retry: object) -> None:
    with pytest.raises(MalformedMessageError):
        decode_scan_job(json.dumps(GOOD | {"retry": retry}))
