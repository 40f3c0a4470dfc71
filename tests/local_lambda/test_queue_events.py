"""SQS's event source mapping: AWS's example event, and what an answer says of its messages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kova_server.local_lambda.queue_poller import failed_ids, sqs_event

ARN = "arn:aws:sqs:us-east-2:123456789012:my-queue"
EXAMPLE: dict[str, Any] = {
    "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
    "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...",
    "body": "Test message.",
    "attributes": {
        "ApproximateReceiveCount": "1",
        "SentTimestamp": "1545082649183",
        "SenderId": "AIDAIENQZJOLO23YVJ4VO",
        "ApproximateFirstReceiveTimestamp": "1545082649185",
    },
    "messageAttributes": {
        "myAttribute": {
            "stringValue": "myValue",
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": "String",
        }
    },
    "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
    "eventSource": "aws:sqs",
    "eventSourceARN": ARN,
    "awsRegion": "us-east-2",
}


def test_a_message_becomes_the_documented_record() -> None:
    """See https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html"""
    message = {
        "MessageId": EXAMPLE["messageId"],
        "ReceiptHandle": EXAMPLE["receiptHandle"],
        "Body": EXAMPLE["body"],
        "MD5OfBody": EXAMPLE["md5OfBody"],
        "Attributes": EXAMPLE["attributes"],
        "MessageAttributes": {"myAttribute": {"StringValue": "myValue", "DataType": "String"}},
    }
    assert sqs_event([message], ARN) == {"Records": [EXAMPLE]}


def test_bytes_are_in_base64() -> None:
    binary = {"DataType": "Binary", "BinaryValue": b"\x00\xff"}
    message = {"MessageId": "a", "ReceiptHandle": "r", "Body": "", "MD5OfBody": ""}
    (record,) = sqs_event([{**message, "MessageAttributes": {"b": binary}}], ARN)["Records"]
    assert record["messageAttributes"]["b"]["binaryValue"] == "AP8="
    assert json.dumps(record)


@pytest.mark.parametrize(
    ("answer", "failures"),
    [
        (None, set()),
        ({}, set()),
        ({"batchItemFailures": None}, set()),
        ({"batchItemFailures": []}, set()),
        (
            {"batchItemFailures": [{"itemIdentifier": "id2"}, {"itemIdentifier": "id4"}]},
            {"id2", "id4"},
        ),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, None),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, None),
        ({"batchItemFailures": [{"identifier": "id2"}]}, None),
        ({"batchItemFailures": ["id2"]}, None),
        ({"batchItemFailures": "id2"}, None),
        ("done", None),
    ],
)
def test_an_answer_says_which_messages_failed(answer: Any, failures: set[str] | None) -> None:
    """See https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html"""
    assert failed_ids(json.dumps(answer).encode()) == failures


def test_an_answer_that_is_no_json_fails_all() -> None:
    assert failed_ids(b"<html>") is None
