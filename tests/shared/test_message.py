"""Queue messages from nowhere are refused, not stumbled over."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kova.scans.message import decode_scan_job
from kova.shared.exceptions import (
    BusyError,
    GitHubRateLimitedError,
    GitHubRefusedError,
    GitHubUnavailableError,
    MalformedMessageError,
)
from kova.shared.retry import MAX_ATTEMPTS, GiveUp, Retry, plan_retry

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
    assert decode_scan_job(json.dumps(GOOD | {"new": 1})).repository == "octo/sample"


def test_passing_troubles_are_tried_again_and_refusals_are_not() -> None:
    assert plan_retry(GitHubUnavailableError(), 1) == Retry(delay=2)
    assert plan_retry(ValueError(), 2) == Retry(delay=4)
    assert plan_retry(GitHubRefusedError(), 1) == GiveUp(reason="github_refused")
    assert isinstance(plan_retry(GitHubUnavailableError(), MAX_ATTEMPTS), GiveUp)
    assert isinstance(plan_retry(BusyError(), 100), Retry)
    assert plan_retry(GitHubRateLimitedError(retry_after=120), 1) == Retry(delay=120)
    assert plan_retry(GitHubRateLimitedError(retry_after=10**6), 1) == Retry(delay=900)
