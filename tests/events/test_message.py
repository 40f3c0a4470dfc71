"""An event in the scan queue is read by this release, and put off by the one before it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kova.events.event import EventJob, EventKind
from kova.events.message import event_message, event_of, event_target
from kova.scans.message import decode_scan_job, encode_scan_job
from kova.scans.scan import ScanTarget, Trigger
from kova.shared.exceptions import MalformedMessageError
from kova.shared.run_job import Later
from tests.support.workshop import Workshop

JOB = EventJob(
    kind=EventKind.BUTTON,
    action="ignore",
    repository="octo/sample",
    delivery="guid-1",
    github_id=2**63 - 1,
    installation_id=42,
    number=7,
    commit_sha="a" * 40,
    sender="octo-cat[bot]",
)


def test_an_event_is_read_as_it_was_sent() -> None:
    assert event_of(decode_scan_job(encode_scan_job(event_message(JOB)))) == JOB


async def test_a_worker_that_knows_no_events_sends_it_on_unchanged(tmp_path: Path) -> None:
    workshop = Workshop(tmp_path)
    job = decode_scan_job(encode_scan_job(event_message(JOB)))
    for _ in range(3):
        # What such a worker does: it takes it for a scan.
        plan, _ = await workshop.fail_to_scan(job)
        assert isinstance(plan, Later)
        job = decode_scan_job(plan.body)
        assert event_of(job) == JOB
    assert workshop.database.scans == {}


def test_a_scan_is_no_event() -> None:
    target = ScanTarget(repository="octo/sample", trigger=Trigger.PUSH, ref="refs/heads/main")
    assert event_of(decode_scan_job(encode_scan_job(event_message(JOB)))) is not None
    assert event_target(JOB).trigger is Trigger.API
    body = json.dumps({"version": 1, "kind": "scan", "repository": "o/s", "trigger": "push"})
    assert event_of(decode_scan_job(body)) is None
    assert event_of(decode_scan_job(body.replace("push", target.trigger))) is None


@pytest.mark.parametrize(
    "ref",
    [
        "kova:event:",
        "kova:event:[]",
        "kova:event:{}",
        'kova:event:{"kind":"moon","action":"edited"}',
        'kova:event:{"kind":"repository","action":1}',
        "kova:event:" + "[" * 10_000,
    ],
)
def test_what_only_looks_like_an_event_is_refused(ref: str) -> None:
    message = {"version": 1, "kind": "scan", "repository": "octo/sample", "trigger": "api"}
    job = decode_scan_job(json.dumps({**message, "ref": ref, "delivery": "guid"}))
    with pytest.raises(MalformedMessageError):
        event_of(job)
