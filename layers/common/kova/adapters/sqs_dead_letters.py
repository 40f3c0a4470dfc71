"""The dead letters of a queue on Amazon SQS, for the operator: look, send again, delete.

SQS has no look: a message is received, hidden from others for a while, and given back.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from kova.adapters.sqs import dead_letter_url, translate_errors
from kova.shared.exceptions import NotConfiguredError, NotFoundError
from kova.shared.message import as_new_message

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

MOST_LETTERS: Final = 1_000
# Longer than a look at so many takes.
_HIDDEN_SECONDS: Final = 120
_A_CALL: Final = 10


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """One message that was given up.

    Attributes:
        id: SQS's.
        body: the message.
        reason: why, where Kova gave it up; None where SQS did, after too many receipts.
        sent_at: seconds since 1970.
        group: of a fair queue.
    """

    id: str
    body: str
    reason: str | None
    sent_at: float
    group: str | None


class SqsDeadLetters:
    """The dead letters of one queue."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        """Ask nothing yet."""
        self._client = client
        self._queue_url = queue_url

    @cached_property
    def _dead_url(self) -> str:
        with translate_errors():
            url = dead_letter_url(self._client, self._queue_url)
        if url is None:
            raise NotConfiguredError("The queue has no dead letters.")
        return url

    def look(self, limit: int = MOST_LETTERS) -> list[DeadLetter]:
        """Return those that are there, the first one first; they stay there."""
        return [letter for letter, _ in self._borrow(limit)]

    def redrive(self, ids: Collection[str] | None) -> int:
        """Send some to the queue again, or all; return how many.

        Each is sent before it is deleted: what dies between the two leaves two messages.

        Raises:
            NotFoundError: one of the ids is not there; nothing was sent.
        """
        letters = self._find(ids)
        for letter, receipt in letters:
            group: dict[str, Any] = {"MessageGroupId": letter.group} if letter.group else {}
            with translate_errors():
                self._client.send_message(
                    QueueUrl=self._queue_url, MessageBody=as_new_message(letter.body), **group
                )
                self._client.delete_message(QueueUrl=self._dead_url, ReceiptHandle=receipt)
        return len(letters)

    def drop(self, ids: Collection[str] | None) -> int:
        """Delete some, or all; return how many.

        Raises:
            NotFoundError: one of the ids is not there; nothing was deleted.
        """
        letters = self._find(ids)
        for _, receipt in letters:
            with translate_errors():
                self._client.delete_message(QueueUrl=self._dead_url, ReceiptHandle=receipt)
        return len(letters)

    def _find(self, ids: Collection[str] | None) -> list[tuple[DeadLetter, str]]:
        """Return letters with their receipts, hidden from others; the others are given back."""
        letters = self._receive(MOST_LETTERS)
        if ids is None:
            return letters
        chosen = [(letter, receipt) for letter, receipt in letters if letter.id in ids]
        self._give_back([receipt for letter, receipt in letters if letter.id not in ids])
        missing = set(ids) - {letter.id for letter, _ in chosen}
        if missing:
            self._give_back([receipt for _, receipt in chosen])
            raise NotFoundError(f"There is no dead letter {', '.join(sorted(missing))}.")
        return chosen

    def _borrow(self, limit: int) -> list[tuple[DeadLetter, str]]:
        letters = self._receive(limit)
        self._give_back([receipt for _, receipt in letters])
        return letters

    def _receive(self, limit: int) -> list[tuple[DeadLetter, str]]:
        """Receive until there is none, each once: what was received is hidden meanwhile."""
        letters: list[tuple[DeadLetter, str]] = []
        for message in self._messages():
            letters.append((_letter(message), message["ReceiptHandle"]))
            if len(letters) >= limit:
                break
        return sorted(letters, key=lambda pair: (pair[0].sent_at, pair[0].id))

    def _messages(self) -> Iterator[MessageTypeDef]:
        while True:
            with translate_errors():
                answer = self._client.receive_message(
                    QueueUrl=self._dead_url,
                    MaxNumberOfMessages=_A_CALL,
                    VisibilityTimeout=_HIDDEN_SECONDS,
                    WaitTimeSeconds=1,
                    MessageSystemAttributeNames=["SentTimestamp", "MessageGroupId"],
                    MessageAttributeNames=["reason"],
                )
            messages = answer.get("Messages", [])
            if not messages:
                return
            yield from messages

    def _give_back(self, receipts: Collection[str]) -> None:
        for receipt in receipts:
            with translate_errors():
                self._client.change_message_visibility(
                    QueueUrl=self._dead_url, ReceiptHandle=receipt, VisibilityTimeout=0
                )


def _letter(message: MessageTypeDef) -> DeadLetter:
    attributes = message.get("Attributes", {})
    reason = message.get("MessageAttributes", {}).get("reason")
    return DeadLetter(
        id=message["MessageId"],
        body=message["Body"],
        reason=reason.get("StringValue") if reason else None,
        sent_at=int(attributes.get("SentTimestamp", time.time() * 1_000)) / 1_000,
        group=attributes.get("MessageGroupId"),
    )
