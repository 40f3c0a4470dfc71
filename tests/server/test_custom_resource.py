"""CloudFormation is told what became of its custom resource, also when it failed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from kova.shared.exceptions import DatabaseUnavailableError
from kova.web.custom_resource import answer_stack


@dataclass
class Bucket:
    """Takes one signed address as S3 does: a PUT without content type."""

    url: str = ""
    status: int = 200
    answers: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    state = Bucket()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            # The signature covers an empty content type.
            signed = not self.headers.get("Content-Type") and self.path.endswith("?signature=x")
            if signed and state.status == 200:
                state.answers.append(json.loads(body))
            self.send_response(state.status if signed else 403)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}/answer?signature=x"
    yield state
    server.shutdown()
    server.server_close()


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
