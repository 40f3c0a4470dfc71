"""The service of the local SQS, and its queues."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

import boto3
import httpx
from botocore.config import Config

from kova_server.embedded.service import Service, plain_environment

QUEUES: Final = ("scan", "fix", "command")
VISIBILITY_SECONDS: Final = 30
MAX_RECEIVES: Final = 10


def sqs_service(port: int, folder: Path) -> Service:
    """Return the service."""

    def is_ready() -> bool:
        try:
            return httpx.post(f"http://127.0.0.1:{port}/", timeout=1).status_code < 500  # noqa: PLR2004
        except httpx.TransportError:
            return False

    module = "kova_server.embedded.sqs"
    return Service(
        name="sqs",
        command=[sys.executable, "-m", module, "--port", str(port), "--data", str(folder)],
        environment=plain_environment(),
        is_ready=is_ready,
    )


def aws_settings(endpoint: str) -> dict[str, str]:
    """Return the settings that make the AWS client use the local SQS."""
    return {
        "AWS_ENDPOINT_URL_SQS": endpoint,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def create_queues(endpoint: str) -> dict[str, str]:
    """Create the queues with their dead-letter queues; return the settings with their URLs."""
    client = boto3.client(
        "sqs",
        endpoint_url=endpoint,
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 (the local SQS knows no secret)
        region_name="us-east-1",
        config=Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 5}),
    )
    settings: dict[str, str] = {}
    for name in QUEUES:
        dead_letters = client.create_queue(QueueName=f"kova-{name}-dlq")["QueueUrl"]
        answer = client.get_queue_attributes(QueueUrl=dead_letters, AttributeNames=["QueueArn"])
        policy = {
            "deadLetterTargetArn": answer["Attributes"]["QueueArn"],
            "maxReceiveCount": str(MAX_RECEIVES),
        }
        queue = client.create_queue(
            QueueName=f"kova-{name}",
            Attributes={
                "VisibilityTimeout": str(VISIBILITY_SECONDS),
                "RedrivePolicy": json.dumps(policy),
            },
        )
        settings[f"KOVA_{name.upper()}_QUEUE_URL"] = queue["QueueUrl"]
    client.close()
    return settings
