"""CloudFormation is told what became of its custom resource, also when it failed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from kova.shared.exceptions import DatabaseUnavailableError
from kova.web.custom_resource import answer_stack
from tests.support.bucket import Bucket, serve_bucket


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with serve_bucket() as served:
        yield served


def event(bucket: Bucket, **values: str) -> dict[str, str]:
    return {
        "RequestType": "Create",
        "ResponseURL": bucket.url,
        "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/kova/1",
        "RequestId": "r",
        "LogicalResourceId": "Migration",
        **values,
    }


def test_what_the_call_returns_are_the_attributes(bucket: Bucket) -> None:
    answer_stack(event(bucket), lambda _event: {"FirstKeyPrefix": "abc"})
    (answer,) = bucket.answers
    assert answer == {
        "Status": "SUCCESS",
        "PhysicalResourceId": "Migration",
        "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/kova/1",
        "RequestId": "r",
        "LogicalResourceId": "Migration",
        "Data": {"FirstKeyPrefix": "abc"},
    }


def test_an_update_keeps_the_resource(bucket: Bucket) -> None:
    answer_stack(event(bucket, RequestType="Update", PhysicalResourceId="p"), lambda _event: {})
    assert [answer["PhysicalResourceId"] for answer in bucket.answers] == ["p"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (DatabaseUnavailableError(), "The database does not answer."),
        (DatabaseUnavailableError("x" * 9_000), "x" * 1_000),
        (RuntimeError("hunter2"), "RuntimeError: see the function's log."),
    ],
)
def test_a_failure_is_told(bucket: Bucket, error: Exception, reason: str) -> None:
    def fail(_event: Mapping[str, Any]) -> dict[str, str]:
        raise error

    answer_stack(event(bucket), fail)
    (answer,) = bucket.answers
    assert (answer["Status"], answer["Reason"]) == ("FAILED", reason)
    assert "Data" not in answer


def test_an_answer_that_could_not_be_sent_is_an_error_of_the_invocation(bucket: Bucket) -> None:
    bucket.status = 503
    with pytest.raises(OSError, match="503"):
        answer_stack(event(bucket), lambda _event: {})


def test_an_event_by_hand_is_answered_to_its_sender() -> None:
    assert answer_stack({}, lambda _event: {"a": "b"})["Data"] == {"a": "b"}
