"""A job of a queue: done, again later, or never again; the same for every queue."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from kova.adapters.metrics.meter import PrometheusMeter
from kova.shared.exceptions import (
    DatabaseUnavailableError,
    GitHubRefusedError,
    GitHubUnavailableError,
    MalformedMessageError,
)
from kova.shared.retry import MAX_ATTEMPTS, GiveUp, Retry
from kova.shared.run_job import (
    Done,
    JobEnded,
    JobRunner,
    Later,
    Plan,
    Receipt,
    SettledError,
)


@dataclass
class Post:
    """A queue of letters: `bad` cannot be read, others are worked on as `ending` says."""

    ending: Exception | str | None = None
    meter: PrometheusMeter = field(default_factory=PrometheusMeter)
    worked: list[str] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)

    def runner(self) -> JobRunner[str]:
        return JobRunner(
            queue="post",
            decode=decode,
            work=self.work,
            meter=self.meter,
            log_context=lambda letter: {"letter": letter},
        )

    async def work(self, letter: str, receipt: Receipt) -> str | None:
        self.worked.append(letter)
        self.receipts.append(receipt)
        if isinstance(self.ending, SettledError):
            raise self.ending from GitHubRefusedError("No.")
        if isinstance(self.ending, Exception):
            raise self.ending
        return self.ending

    def counts(self) -> tuple[float, float]:
        """Return how many messages were retried and buried."""
        samples = self.meter.samples()
        retried, buried = (
            samples.get((f"kova_messages_{name}_total", (("queue", "post"),)), 0.0)
            for name in ("retried", "buried")
        )
        return retried, buried


def decode(body: str) -> str:
    if body == "bad":
        raise MalformedMessageError
    if body == "odd":
        raise ZeroDivisionError
    return body.upper()


def fields(record: logging.LogRecord, *names: str) -> Mapping[str, Any]:
    return {name: record.__dict__.get(name) for name in names}


async def test_a_job_that_is_done_returns_the_id_of_what_it_made(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "kova.worker")
    post = Post(ending="p-1")
    assert await post.runner().handle("a", 1) == Done(result="p-1")
    assert post.worked == ["A"]
    assert post.counts() == (0, 0)
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == ("INFO", "job done")
    assert fields(record, "queue", "attempt", "letter", "post") == {
        "queue": "post",
        "attempt": 1,
        "letter": "A",
        "post": "p-1",
    }


async def test_a_job_may_be_done_without_a_result() -> None:
    assert await Post().runner().handle("a", 1) == Done()


async def test_the_wait_of_a_message_is_measured_at_its_first_receipt_alone() -> None:
    post = Post()
    await post.runner().handle("a", 1, waited=7.0)
    await post.runner().handle("a", 2, waited=90.0)
    samples = post.meter.samples()
    assert samples["kova_message_wait_seconds_sum", (("queue", "post"),)] == 7.0
    assert samples["kova_messages_done_total", (("queue", "post"),)] == 2


async def test_a_message_that_cannot_be_read_is_given_up_without_work(
    caplog: pytest.LogCaptureFixture,
) -> None:
    post = Post()
    assert await post.runner().handle("bad", 1) == GiveUp(reason="malformed_message")
    assert (post.worked, post.counts()) == ([], (0, 1))
    (record,) = caplog.records
    assert (record.levelname, record.exc_info) == ("ERROR", None)
    assert fields(record, "queue", "attempt", "reason") == {
        "queue": "post",
        "attempt": 1,
        "reason": "malformed_message",
    }


async def test_a_reader_that_breaks_is_tried_again_and_then_given_up() -> None:
    post = Post()
    assert isinstance(await post.runner().handle("odd", 1), Retry)
    assert isinstance(await post.runner().handle("odd", MAX_ATTEMPTS), GiveUp)
    assert post.counts() == (1, 1)


async def test_what_does_not_answer_is_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    post = Post(ending=GitHubUnavailableError("x" * 900))
    assert await post.runner().handle("a", 3) == Retry(delay=8)
    assert post.counts() == (1, 0)
    (record,) = caplog.records
    assert (record.levelname, record.exc_info) == ("WARNING", None)
    assert fields(record, "queue", "attempt", "letter", "error", "plan") == {
        "queue": "post",
        "attempt": 3,
        "letter": "A",
        "error": "x" * 500,
        "plan": "Retry(delay=8)",
    }


async def test_the_database_is_waited_for_by_a_new_message_however_long_it_takes() -> None:
    post = Post(ending=DatabaseUnavailableError())
    outcome = await post.runner().handle("a", MAX_ATTEMPTS)
    assert outcome == Later(delay=60, body="a", reason="database_unavailable")
    assert post.counts() == (1, 0)


async def test_what_trying_again_does_not_help_is_given_up() -> None:
    post = Post(ending=GitHubRefusedError())
    assert await post.runner().handle("a", 1) == GiveUp(reason="github_refused")
    assert post.counts() == (0, 1)


async def test_a_job_knows_which_receipt_it_is() -> None:
    post = Post()
    await post.runner().handle("a", 3, waited=2.5)
    assert post.receipts == [Receipt(number=3, age=2.5)]


@pytest.mark.parametrize(
    ("plan", "counts"),
    [
        (Later(delay=60, body="b", reason="github_refused"), (1, 0)),
        (JobEnded(reason="github_refused: No."), (0, 0)),
        (GiveUp(reason="x"), (0, 1)),
    ],
)
async def test_a_job_may_settle_itself_and_its_cause_is_logged(
    caplog: pytest.LogCaptureFixture, plan: Plan, counts: tuple[float, float]
) -> None:
    post = Post(ending=SettledError(plan))
    assert await post.runner().handle("a", 99) == plan
    assert post.counts() == counts
    (record,) = caplog.records
    assert fields(record, "reason", "error", "plan") == {
        "reason": "github_refused",
        "error": "No.",
        "plan": repr(plan),
    }
    assert "body" not in record.__dict__["plan"]


async def test_an_unexpected_exception_is_logged_with_its_traceback_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    post = Post(ending=ZeroDivisionError("by zero"))
    assert await post.runner().handle("a", 1) == Retry(delay=5)
    (record,) = caplog.records
    assert record.exc_info
    assert record.exc_info[1] is post.ending
    reason = f"ZeroDivisionError after {MAX_ATTEMPTS} attempts"
    assert await post.runner().handle("a", MAX_ATTEMPTS) == GiveUp(reason=reason)
    assert post.counts() == (1, 1)
