"""Lambda's event source mapping for SQS: messages become events, and done ones are deleted.

See https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html. As on AWS a message stays hidden
for six times the function's time-out. The function itself shortens that, and prolongs it while it
works, so that what a killed one had in hand comes back soon.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from kova_server.local_lambda.invoker import Invoker, TooManyInvocationsError
from kova_server.local_lambda.template import QueueMapping

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_WAIT_SECONDS: Final = 2  # Ctrl-C waits for a poll.
_PAUSE_SECONDS: Final = 2.0
_LOG = logging.getLogger("kova.lambda")


class QueuePoller:
    """Polls one queue for one function."""

    def __init__(
        self,
        mapping: QueueMapping,
        client: SQSClient,
        queue_url: str,
        invoker: Invoker,
        *,
        visibility: int,
    ) -> None:
        """`visibility` is for how many seconds a message is hidden."""
        self._mapping = mapping
        self._client = client
        self._url = queue_url
        self._invoker = invoker
        self._visibility = visibility
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Poll until `stop` is set; batches that are being worked on go on."""
        arn = ""
        while not stop.is_set():
            if len(self._tasks) >= self._mapping.concurrency:
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
                continue
            try:
                arn = arn or await asyncio.to_thread(self._read_arn)
                messages = await asyncio.to_thread(self._receive)
            except (BotoCoreError, ClientError) as exc:
                _LOG.warning("queue does not answer", extra={"reason": type(exc).__name__})
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _PAUSE_SECONDS)
                continue
            if messages and not stop.is_set():
                task = asyncio.create_task(self._work(messages, arn))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _work(self, messages: Sequence[Mapping[str, Any]], arn: str) -> None:
        event = json.dumps(sqs_event(messages, arn)).encode()
        try:
            answer = await self._invoker.invoke(self._mapping.function, event, waits=True)
        except TooManyInvocationsError:
            return  # It ends; the messages come back.
        if answer.is_error:
            return  # They come back when they are no longer hidden.
        failures = failed_ids(answer.body) if self._mapping.partial_failures else set()
        if failures is None:
            _LOG.warning("batch failed as a whole: its answer is not what Lambda asks for")
            return
        done = [message for message in messages if message["MessageId"] not in failures]
        if failures - {message["MessageId"] for message in messages}:
            _LOG.warning("batch failed as a whole: its answer names other messages")
            return
        with _tolerating("messages not deleted"):
            await asyncio.to_thread(self._delete, done)

    def _read_arn(self) -> str:
        answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        return answer["Attributes"]["QueueArn"]

    def _receive(self) -> Sequence[Mapping[str, Any]]:
        answer = self._client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=min(self._mapping.batch_size, 10),
            WaitTimeSeconds=_WAIT_SECONDS,
            VisibilityTimeout=self._visibility,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages: Sequence[Mapping[str, Any]] = answer.get("Messages", [])
        return messages

    def _delete(self, messages: Sequence[Mapping[str, Any]]) -> None:
        for message in messages:
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])


@contextmanager
def _tolerating(problem: str) -> Iterator[None]:
    """Log that SQS did not answer: what was not done comes back with the message."""
    try:
        yield
    except (BotoCoreError, ClientError) as exc:
        _LOG.warning(problem, extra={"reason": type(exc).__name__})


def sqs_event(messages: Sequence[Mapping[str, Any]], arn: str) -> dict[str, Any]:
    """Return the event of some messages, as `receive_message` returns them."""
    region = arn.split(":")[3]
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": dict(message.get("Attributes", {})),
                "messageAttributes": {
                    name: _attribute(attribute)
                    for name, attribute in message.get("MessageAttributes", {}).items()
                },
                "md5OfBody": message["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": arn,
                "awsRegion": region,
            }
            for message in messages
        ]
    }


def _attribute(attribute: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": attribute["DataType"],
    }
    if "StringValue" in attribute:
        fields["stringValue"] = attribute["StringValue"]
    if "BinaryValue" in attribute:
        fields["binaryValue"] = base64.b64encode(attribute["BinaryValue"]).decode()
    return fields


def failed_ids(body: bytes) -> set[str] | None:
    """Return the failed messages of an answer with `batchItemFailures`; None: all of them.

    See https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html: no answer and
    an empty list mean success; a malformed answer means that the whole batch failed.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if value is None or value == {}:
        return set()
    failures = value.get("batchItemFailures", []) if isinstance(value, dict) else None
    if failures is None and isinstance(value, dict):
        return set()  # `null` is an empty list.
    if not isinstance(failures, list):
        return None
    ids = [failure.get("itemIdentifier") for failure in failures if isinstance(failure, dict)]
    texts = [text for text in ids if isinstance(text, str) and text]
    return set(texts) if len(texts) == len(failures) else None
