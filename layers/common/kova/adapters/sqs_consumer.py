"""The worker's side of a queue on Amazon SQS."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from kova.adapters.sqs import WAIT_SECONDS, dead_letter_url, translate_errors
from kova.shared.queue_consumer import Received
from kova.shared.text import visible

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import MessageSystemAttributeNameType

LONGEST_DELAY: Final = 900
_REASON_LIMIT: Final = 256
_SYSTEM_ATTRIBUTES: Final[Sequence[MessageSystemAttributeNameType]] = (
    "ApproximateReceiveCount",
    "MessageGroupId",
    "SentTimestamp",
)


def received(body: str, receipt: str, attributes: Mapping[Any, str]) -> Received:
    """Return a message as the worker has it in hand, given its system attributes."""
    return Received(
        body=body,
        receipt=receipt,
        attempt=int(attributes["ApproximateReceiveCount"]),
        waited=seconds_since_sent(attributes),
        group=attributes.get("MessageGroupId"),
    )


class SqsConsumer:
    """Implements shared.queue_consumer.QueueConsumer."""

    def __init__(
        self, client: SQSClient, queue_url: str, *, wait_seconds: int = WAIT_SECONDS
    ) -> None:
        """`wait_seconds`: how long a receipt waits for the first message."""
        self._client = client
        self._queue_url = queue_url
        self._wait_seconds = wait_seconds

    def receive(self, *, limit: int, visibility: int) -> list[Received]:
        """Wait for messages, some seconds at most."""
        with translate_errors():
            answer = self._client.receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=limit,
                WaitTimeSeconds=self._wait_seconds,
                VisibilityTimeout=visibility,
                MessageSystemAttributeNames=_SYSTEM_ATTRIBUTES,
            )
        return [
            received(message["Body"], message["ReceiptHandle"], message["Attributes"])
            for message in answer.get("Messages", [])
        ]

    def delete(self, message: Received) -> None:
        """Say that it is done."""
        with translate_errors():
            self._client.delete_message(QueueUrl=self._queue_url, ReceiptHandle=message.receipt)

    def hide(self, message: Received, seconds: int) -> None:
        """Keep it from others, or give it back, for so many seconds from now."""
        with translate_errors():
            self._client.change_message_visibility(
                QueueUrl=self._queue_url,
                ReceiptHandle=message.receipt,
                VisibilityTimeout=seconds,
            )

    def postpone(self, message: Received, body: str, delay: int) -> None:
        """Send another one with a delay, then delete it."""
        with translate_errors():
            self._client.send_message(
                QueueUrl=self._queue_url,
                MessageBody=body,
                DelaySeconds=max(0, min(delay, LONGEST_DELAY)),
                **_group(message),
            )
            self._client.delete_message(QueueUrl=self._queue_url, ReceiptHandle=message.receipt)

    def bury(self, message: Received, reason: str) -> None:
        """Move it to the dead-letter queue with its reason, instead of trying in vain."""
        # SQS takes no control characters.
        text = visible(reason)[:_REASON_LIMIT] or "unknown"
        with translate_errors():
            url = dead_letter_url(self._client, self._queue_url)
            if url is not None:
                self._client.send_message(
                    QueueUrl=url,
                    MessageBody=message.body,
                    MessageAttributes={"reason": {"DataType": "String", "StringValue": text}},
                    **_group(message),
                )
                self._client.delete_message(QueueUrl=self._queue_url, ReceiptHandle=message.receipt)


def seconds_since_sent(attributes: Mapping[Any, str]) -> float | None:
    """Return how long ago a message was sent, from its system attributes.

    Clocks differ: a message that is not sent yet has waited for 0 seconds.
    """
    sent = attributes.get("SentTimestamp")  # Milliseconds since 1970.
    return max(0.0, time.time() - int(sent) / 1000) if sent is not None else None


def _group(message: Received) -> dict[str, Any]:
    return {"MessageGroupId": message.group} if message.group else {}
