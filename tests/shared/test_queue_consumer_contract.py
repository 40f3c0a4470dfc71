"""One suite for the worker's side of SQS and its twin in memory: hiding, delays, dead letters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from kova.adapters.memory.clock import Clock
from kova.adapters.memory.queues import MemoryQueue
from kova.adapters.sqs import sqs_client
from kova.adapters.sqs_consumer import LONGEST_DELAY, SqsConsumer
from kova.shared.queue_consumer import QueueConsumer, Received
from tests.support.eventually import eventually
from tests.support.queues import dead_letters, make_queue

HIDDEN = 30


@dataclass
class QueueUnderTest:
    """A queue, how to send to it, and how time passes for it."""

    consumer: QueueConsumer
    send: Callable[[str, str | None], None]
    pass_second: Callable[[], None]
    dead: Callable[[], list[tuple[str, str | None]]]
    delays: Callable[[], int]

    def receive(self, visibility: int = HIDDEN) -> Received:
        """Return the next message as soon as there is one."""

        def look() -> Received | None:
            messages = self.consumer.receive(limit=1, visibility=visibility)
            if not messages:
                self.pass_second()
            return messages[0] if messages else None

        return eventually(look, 20)

    def is_empty(self) -> bool:
        return not self.consumer.receive(limit=10, visibility=0)


def memory_queue(most_receipts: int) -> QueueUnderTest:
    clock = Clock(datetime(2026, 11, 30, tzinfo=UTC))
    queue = MemoryQueue(now=clock, most_receipts=most_receipts)
    return QueueUnderTest(
        consumer=queue,
        send=lambda body, group: queue.send(body, group=group),
        pass_second=lambda: clock.advance(timedelta(seconds=1)),
        dead=lambda: queue.dead,
        delays=lambda: len(queue),
    )


def sqs_queue(most_receipts: int) -> QueueUnderTest:
    url = make_queue(max_receives=most_receipts)
    client: Any = boto3.client("sqs")

    def send(body: str, group: str | None) -> None:
        options = {"MessageGroupId": group} if group else {}
        client.send_message(QueueUrl=url, MessageBody=body, **options)

    def delays() -> int:
        names = ["ApproximateNumberOfMessagesDelayed"]
        answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return int(answer["Attributes"][names[0]])

    consumer = SqsConsumer(sqs_client(waits=True), url, wait_seconds=0)
    return QueueUnderTest(
        consumer=consumer,
        send=send,
        pass_second=lambda: None,
        dead=lambda: dead_letters(url),
        delays=delays,
    )


@pytest.fixture(params=[memory_queue, sqs_queue])
def make(request: pytest.FixtureRequest) -> Callable[[int], QueueUnderTest]:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def queue(make: Callable[[int], QueueUnderTest]) -> QueueUnderTest:
    return make(10)


def test_a_message_is_handed_out_once_until_its_time_is_over(queue: QueueUnderTest) -> None:
    queue.send("a", "octo:sample")
    first = queue.receive(visibility=1)
    assert (first.body, first.attempt, first.group) == ("a", 1, "octo:sample")
    assert first.waited is not None
    assert queue.is_empty()
    second = queue.receive()
    assert (second.body, second.attempt) == ("a", 2)
    queue.consumer.delete(second)
    assert queue.is_empty()


def test_a_hidden_message_may_be_given_back_and_hidden_for_longer(queue: QueueUnderTest) -> None:
    queue.send("a", None)
    message = queue.receive()
    queue.consumer.hide(message, 0)
    message = queue.receive(visibility=1)
    assert (message.attempt, message.group) == (2, None)
    queue.consumer.hide(message, HIDDEN)
    for _ in range(3):
        queue.pass_second()
    assert queue.is_empty()


def test_a_message_that_is_put_off_is_a_new_one_in_the_same_group(queue: QueueUnderTest) -> None:
    queue.send("a", "octo:sample")
    queue.consumer.postpone(queue.receive(), "b", 1)
    assert queue.is_empty()
    message = queue.receive()
    assert (message.body, message.attempt, message.group) == ("b", 1, "octo:sample")
    assert message.waited is not None
    queue.consumer.delete(message)
    assert queue.is_empty()


@pytest.mark.parametrize("delay", [LONGEST_DELAY + 1, 10**6])
def test_a_longer_delay_than_there_is_is_the_longest(queue: QueueUnderTest, delay: int) -> None:
    queue.send("a", None)
    queue.consumer.postpone(queue.receive(), "b", delay)
    assert queue.is_empty()
    assert queue.delays() == 1


def test_putting_off_takes_nothing_to_the_dead_letters(
    make: Callable[[int], QueueUnderTest],
) -> None:
    queue = make(2)
    queue.send("a", None)
    for _ in range(5):
        queue.consumer.postpone(queue.receive(), "a", 0)
    assert queue.receive().attempt == 1
    assert queue.dead() == []


def test_a_buried_message_is_among_the_dead_letters_with_its_reason(queue: QueueUnderTest) -> None:
    queue.send("a", None)
    queue.consumer.bury(queue.receive(), "malformed_message")
    assert queue.is_empty()
    assert queue.dead() == [("a", "malformed_message")]


def test_a_message_that_is_received_too_often_is_buried_without_a_reason(
    make: Callable[[int], QueueUnderTest],
) -> None:
    queue = make(2)
    queue.send("a", None)
    for _ in range(2):
        queue.receive(visibility=0)
    assert queue.is_empty()
    assert queue.dead() == [("a", None)]
