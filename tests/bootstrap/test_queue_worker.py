"""A function's side of a queue: it hides what it works on, and says what becomes of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kova.adapters.memory.clock import Clock
from kova.adapters.memory.queues import MemoryQueue
from kova.bootstrap.core import Core
from kova.bootstrap.settings import Settings
from kova.bootstrap.workers.queue_worker import QueueWorker
from kova.shared.queue_consumer import Received
from kova.shared.retry import GiveUp, Retry
from kova.shared.run_job import Done, JobEnded, Later, Outcome

HOUR = 3_600


@dataclass(kw_only=True)
class WatchedQueue(MemoryQueue):
    """Says when a message was hidden."""

    hidden: threading.Event = field(default_factory=threading.Event)

    def hide(self, message: Received, seconds: int) -> None:
        super().hide(message, seconds)
        self.hidden.set()


@dataclass
class LambdaSide:
    """Lambda's poller: hides what it receives for an hour, and deletes what is done."""

    clock: Clock
    queue: WatchedQueue
    outcome: Outcome = field(default_factory=Done)
    during: list[datetime | None] = field(default_factory=list)

    async def handle(self, _body: str, _attempt: int, *, waited: float | None = None) -> Outcome:
        """Implements bootstrap.workers.queue_worker.JobHandler."""
        assert waited is not None
        assert await asyncio.to_thread(self.queue.hidden.wait, 20)
        self.during.append(self.queue.next_visible())
        return self.outcome

    def invoke(self, worker: QueueWorker) -> tuple[Received, dict[str, Any]]:
        """Receive a message and hand it to the function; delete it unless it says it failed."""
        (message,) = self.queue.receive(limit=1, visibility=HOUR)
        record = {
            "messageId": "m-1",
            "body": message.body,
            "receiptHandle": message.receipt,
            "attributes": {
                "ApproximateReceiveCount": str(message.attempt),
                "SentTimestamp": "0",
                "MessageGroupId": message.group,
            },
        }
        answer = worker.lambda_batch({"Records": [record]})
        if not answer["batchItemFailures"]:
            self.queue.delete(message)
        return message, answer


@pytest.fixture
def side() -> LambdaSide:
    clock = Clock(datetime(2026, 11, 30, tzinfo=UTC))
    side = LambdaSide(clock, WatchedQueue(now=clock))
    side.queue.send("a", group="octo:sample")
    return side


@pytest.fixture
def worker(side: LambdaSide, database_url: str) -> Iterator[QueueWorker]:
    worker = QueueWorker(side, side.queue, Core(Settings(database_url=database_url)))
    yield worker
    worker.close()


def test_a_message_in_work_comes_back_after_half_a_minute_and_not_after_an_hour(
    side: LambdaSide, worker: QueueWorker
) -> None:
    side.invoke(worker)
    (hidden_until,) = side.during
    assert hidden_until is not None
    assert hidden_until - side.clock() <= timedelta(seconds=30)


@pytest.mark.parametrize("outcome", [Done(result="x"), JobEnded(reason="x: y")])
def test_what_is_done_is_left_to_lambda(
    side: LambdaSide, worker: QueueWorker, outcome: Outcome
) -> None:
    side.outcome = outcome
    _, answer = side.invoke(worker)
    assert (answer, len(side.queue)) == ({"batchItemFailures": []}, 0)


def test_what_is_tried_again_by_its_receipts_stays_in_the_queue(
    side: LambdaSide, worker: QueueWorker
) -> None:
    side.outcome = Retry(delay=64)
    _, answer = side.invoke(worker)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}
    due = side.queue.next_visible()
    assert due is not None
    assert timedelta(seconds=60) < due - side.clock() <= timedelta(seconds=64)


def test_what_is_done_later_is_another_message_of_the_same_group(
    side: LambdaSide, worker: QueueWorker
) -> None:
    side.outcome = Later(delay=64, body="b", reason="busy")
    _, answer = side.invoke(worker)
    assert (answer, len(side.queue)) == ({"batchItemFailures": []}, 1)
    side.clock.advance(timedelta(seconds=65))
    (message,) = side.queue.receive(limit=1, visibility=1)
    assert (message.body, message.attempt, message.group) == ("b", 1, "octo:sample")


def test_what_is_given_up_is_among_the_dead_letters(side: LambdaSide, worker: QueueWorker) -> None:
    side.outcome = GiveUp(reason="malformed_message")
    _, answer = side.invoke(worker)
    assert (answer, side.queue.dead) == ({"batchItemFailures": []}, [("a", "malformed_message")])
