"""The queues on Amazon SQS."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session

from kova.commands.comment import CommentJob
from kova.commands.message import encode_command_job, encode_comment_job
from kova.fixes.message import encode_publish_job
from kova.scans.message import ScanJob, ScanRetry, encode_scan_job
from kova.scans.scan import ScanTarget
from kova.shared.exceptions import QueueUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

WAIT_SECONDS: Final = 10
_COUNTS: Final[Mapping[str, QueueAttributeNameType]] = {
    "visible": "ApproximateNumberOfMessages",
    "in_flight": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
}


def sqs_client(*, waits: bool = False) -> SQSClient:
    """Make a client that gives up in seconds; endpoint and credentials are AWS's settings.

    Args:
        waits: it is for receiving, where an answer takes as long as there is no message.
    """
    config = Config(
        connect_timeout=1,
        read_timeout=WAIT_SECONDS + 5 if waits else 1.8,
        retries={"mode": "standard", "total_max_attempts": 2},
        max_pool_connections=32,
    )
    # Not boto3, which is this and resources besides: the webhook function starts with it.
    return cast("SQSClient", get_session().create_client("sqs", config=config))


@contextmanager
def translate_errors() -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as exc:
        raise QueueUnavailableError from exc


class SqsScanQueue:
    """Implements scans.ports.ScanQueue."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, target: ScanTarget, retry: ScanRetry | None = None) -> None:
        """Send one message; the group keeps a busy repository from starving the others."""
        with translate_errors():
            self._client.send_message(
                QueueUrl=self._queue_url,
                MessageBody=encode_scan_job(ScanJob(target=target, retry=retry)),
                MessageGroupId=target.repository.replace("/", ":")[:128],
            )

    def ping(self) -> None:
        """Ask for one attribute."""
        with translate_errors():
            self._client.get_queue_attributes(
                QueueUrl=self._queue_url, AttributeNames=["VisibilityTimeout"]
            )


class SqsCommandQueue:
    """Implements commands.ports.CommandQueue."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send_command(self, command_id: str) -> None:
        """Send one message."""
        with translate_errors():
            self._client.send_message(
                QueueUrl=self._queue_url, MessageBody=encode_command_job(command_id)
            )

    def send_comment(self, job: CommentJob) -> None:
        """Send one message."""
        with translate_errors():
            self._client.send_message(QueueUrl=self._queue_url, MessageBody=encode_comment_job(job))


class SqsFixQueue:
    """Implements fixes.ports.FixQueue."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send_fix(self, fix_id: str) -> None:
        """Send one message."""
        with translate_errors():
            self._client.send_message(
                QueueUrl=self._queue_url, MessageBody=encode_publish_job(fix_id)
            )


def queue_depths(client: SQSClient, queues: Mapping[str, str]) -> dict[tuple[str, str], int]:
    """Count the messages of queues by state; `dead` are those in its dead-letter queue.

    Raises:
        QueueUnavailableError: a queue does not answer.
    """
    depths: dict[tuple[str, str], int] = {}
    with translate_errors():
        for name, url in queues.items():
            for state, number in _depth(client, url).items():
                depths[name, state] = number
            dead = dead_letter_url(client, url)
            if dead is not None:
                depths[name, "dead"] = _depth(client, dead)["visible"]
    return depths


def _depth(client: SQSClient, url: str) -> dict[str, int]:
    answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=list(_COUNTS.values()))
    return {state: int(answer["Attributes"][name]) for state, name in _COUNTS.items()}


def dead_letter_url(client: SQSClient, url: str) -> str | None:
    """Return where a queue's dead letters are; None for a queue without them."""
    answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])
    policy = json.loads(answer.get("Attributes", {}).get("RedrivePolicy", "{}"))
    arn = policy.get("deadLetterTargetArn")
    if arn is None:
        return None
    return client.get_queue_url(QueueName=arn.rsplit(":", 1)[1])["QueueUrl"]
