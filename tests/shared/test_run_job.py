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
    MalformedMessageError,
)
from kova.shared.retry import MAX_ATTEMPTS, GiveUp, Retry
from kova.shared.run_job import Done, JobRunner


@dataclass
class Post:
    """A queue of letters: `bad` cannot be read, others are worked on as `ending` says."""

    ending: Exception | str | None = None
    failure_ending: Exception | Retry | GiveUp | None = None
    meter: PrometheusMeter = field(default_factory=PrometheusMeter)
    worked: list[str] = field(default_factory=list)
    failures: list[tuple[str, GiveUp]] = field(default_factory=list)

    def runner(self, *, hook: bool = True) -> JobRunner[str]:
        return JobRunner(
            queue="post",
            decode=decode,
            work=self.work,
            meter=self.meter,
            log_context=lambda letter: {"letter": letter},
            on_give_up=self.record_failure if hook else None,
        )

    async def work(self, letter: str) -> str | None:
        self.worked.append(letter)
        if isinstance(self.ending, Exception):
            raise self.ending
        return self.ending

    async def record_failure(self, letter: str, plan: GiveUp) -> Retry | GiveUp:
        self.failures.append((letter, plan))
        if isinstance(self.failure_ending, Exception):
            raise self.failure_ending
        return self.failure_ending or plan

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
    assert (post.counts(), post.failures) == ((0, 0), [])
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == ("INFO", "job done")
    assert fields(record, "queue", "attempt", "letter", "post") == {
        "queue": "post",
        "attempt": 1,
        "letter": "A",
        "post": "p-1",
    }


async def test_a_job_may_be_done_without_a_result() -> None:
    assert await Post().runner(hook=False).handle("a", 1) == Done()


async def test_the_wait_of_a_message_is_measured_at_its_first_receipt_alone() -> None:
    post = Post()
    await post.runner().handle("a", 1, waited=7.0)
    await post.runner().handle("a", 2, waited=90.0)
    samples = post.meter.samples()
    assert samples["kova_message_wait_seconds_sum", (("queue", "post"),)] == 7.0
    assert samples["kova_messages_done_total", (("queue", "post"),)] == 2


async def test_a_message_that_cannot_be_read_is_given_up_without_work_or_hook(
    caplog: pytest.LogCaptureFixture,
) -> None:
    post = Post()
    assert await post.runner().handle("bad", 1) == GiveUp(reason="malformed_message")
    assert (post.worked, post.failures, post.counts()) == ([], [], (0, 1))
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
    assert (post.counts(), post.failures) == ((1, 1), [])


async def test_what_does_not_answer_is_tried_again_and_the_hook_not_called(
    caplog: pytest.LogCaptureFixture,
) -> None:
    post = Post(ending=DatabaseUnavailableError("x" * 900))
    assert await post.runner().handle("a", 3) == Retry(delay=8)
    assert (post.counts(), post.failures) == ((1, 0), [])
    (record,) = caplog.records
    assert (record.levelname, record.exc_info) == ("WARNING", None)
    assert fields(record, "queue", "attempt", "letter", "error", "plan") == {
        "queue": "post",
        "attempt": 3,
        "letter": "A",
        "error": "x" * 500,
        "plan": "Retry(delay=8)",
    }


@pytest.mark.parametrize("hook", [True, False])
async def test_a_refusal_is_given_up_and_the_hook_called_once(*, hook: bool) -> None:
    post = Post(ending=GitHubRefusedError())
    plan = GiveUp(reason="github_refused")
    assert await post.runner(hook=hook).handle("a", 1) == plan
    assert post.counts() == (0, 1)
    assert post.failures == ([("A", plan)] if hook else [])


async def test_the_hook_may_turn_giving_up_into_a_retry() -> None:
    post = Post(ending=GitHubRefusedError(), failure_ending=Retry(delay=60))
    assert await post.runner().handle("a", 1) == Retry(delay=60)
    assert len(post.failures) == 1
    assert post.counts() == (1, 0)


async def test_a_hook_that_breaks_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    post = Post(ending=GitHubRefusedError(), failure_ending=ZeroDivisionError())
    assert await post.runner().handle("a", 1) == GiveUp(reason="github_refused")
    assert (len(post.failures), post.counts()) == (1, (0, 1))
    assert caplog.records[-1].getMessage() == "failure not recorded"
    assert caplog.records[-1].exc_info


async def test_an_unexpected_exception_is_logged_with_its_traceback_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    post = Post(ending=ZeroDivisionError("by zero"))
    assert await post.runner().handle("a", 1) == Retry(delay=2)
    (record,) = caplog.records
    assert record.exc_info
    assert record.exc_info[1] is post.ending
    reason = f"ZeroDivisionError after {MAX_ATTEMPTS} attempts"
    assert await post.runner().handle("a", MAX_ATTEMPTS) == GiveUp(reason=reason)
    assert [plan.reason for _, plan in post.failures] == [reason]
    assert post.counts() == (1, 1)
