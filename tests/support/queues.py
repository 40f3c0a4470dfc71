"""Queues of a test's own on the run's SQS."""

from __future__ import annotations

import json
import os
import uuid

import boto3

from tests.support.services import services_in_force


def make_queue(max_receives: int = 10, visibility: int = 30) -> str:
    """Create a queue with dead letters and return its URL."""
    services_in_force()
    client = boto3.client("sqs")
    name = f"test-{uuid.uuid4().hex}"
    dead = client.create_queue(QueueName=f"{name}-dlq")["QueueUrl"]
    arn = client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
    policy = {
        "deadLetterTargetArn": arn["Attributes"]["QueueArn"],
        "maxReceiveCount": str(max_receives),
    }
    created = client.create_queue(
        QueueName=name,
        Attributes={"VisibilityTimeout": str(visibility), "RedrivePolicy": json.dumps(policy)},
    )
    client.close()
    return created["QueueUrl"]


def depth(url: str) -> int:
    """Return how many messages a queue holds, in flight ones too."""
    client = boto3.client("sqs")
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    client.close()
    return sum(int(attributes[name]) for name in names)


def dead_letter_url(url: str) -> str:
    """Return the URL of a queue's dead letters."""
    client = boto3.client("sqs")
    policy = client.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])
    arn = json.loads(policy["Attributes"]["RedrivePolicy"])["deadLetterTargetArn"]
    dead = client.get_queue_url(QueueName=arn.rsplit(":", 1)[1])["QueueUrl"]
    client.close()
    return dead


def dead_letters(url: str) -> list[tuple[str, str | None]]:
    """Return the bodies of a queue's dead letters with their reasons; they stay there."""
    client = boto3.client("sqs")
    answer = client.receive_message(
        QueueUrl=dead_letter_url(url),
        MaxNumberOfMessages=10,
        MessageAttributeNames=["All"],
        VisibilityTimeout=0,
    )
    client.close()
    return [
        (
            message["Body"],
            message.get("MessageAttributes", {}).get("reason", {}).get("StringValue"),
        )
        for message in answer.get("Messages", [])
    ]


def purge(url: str) -> None:
    """Delete every message of a queue, delayed ones too."""
    client = boto3.client("sqs")
    client.purge_queue(QueueUrl=url)
    client.close()


def environment() -> dict[str, str]:
    """What a process needs to reach the run's services, apart from database and queue."""
    force = services_in_force()
    variables = {key: value for key, value in os.environ.items() if not key.startswith("KOVA_")}
    return variables | {"KOVA_ENV": "local", "KOVA_REDIS_URL": force["KOVA_REDIS_URL"]}
