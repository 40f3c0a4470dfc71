"""One table says what is tried again, when, and for how long."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kova.shared import exceptions
from kova.shared.retry import (
    MAX_ATTEMPTS,
    RETRY_RULES,
    FailureKind,
    GiveUp,
    Retry,
    asked_wait,
    failure_kind,
    plan_by_receipts,
    plan_retry,
)

KINDS = [
    (exceptions.BusyError(), "busy"),
    (exceptions.ConflictError(), "busy"),
    (exceptions.DatabaseUnavailableError(), "database"),
    (exceptions.SchemaOutdatedError(), "database"),
    (exceptions.GitHubUnavailableError(), "outage"),
    (exceptions.QueueUnavailableError(), "outage"),
    (exceptions.GitHubRateLimitedError(retry_after=3.0), "rate_limit"),
    (exceptions.GitHubRefusedError(refusal="unauthenticated"), "credentials"),
    (exceptions.NotConfiguredError(), "credentials"),
    (exceptions.GitHubRefusedError(refusal="forbidden"), "forbidden"),
    (exceptions.GitHubRefusedError(refusal="invalid"), "not_yet"),
    (exceptions.GitHubRefusedError(refusal="conflict"), "not_yet"),
    (exceptions.RepositoryNotFoundError(), "not_yet"),
    (exceptions.GitHubRefusedError(refusal="too_large"), "final"),
    (exceptions.NotFoundError(), "final"),
    (exceptions.MalformedMessageError(), "final"),
    (exceptions.KovaError(), "final"),
    (ZeroDivisionError(), "fault"),
]


def waits(kind: FailureKind) -> tuple[list[int], timedelta]:
    """Return the delays of a failure that stays, and when it is given up."""
    delays, age = list[int](), timedelta()
    while isinstance(plan := plan_retry(kind, len(delays) + 1, age), Retry):
        delays.append(plan.delay)
        age += timedelta(seconds=plan.delay)
        if age > timedelta(days=3):
            break
    return delays, age


@pytest.mark.parametrize(("error", "kind"), KINDS, ids=lambda value: type(value).__name__)
def test_every_failure_is_of_a_kind(error: Exception, kind: str) -> None:
    assert failure_kind(error) == kind


def test_every_kind_has_a_rule() -> None:
    assert set(RETRY_RULES) == set(FailureKind)


@pytest.mark.parametrize("kind", list(FailureKind))
def test_waits_grow_and_none_is_longer_than_the_rule_says(kind: FailureKind) -> None:
    delays, _ = waits(kind)
    assert delays == sorted(delays)
    assert all(delay <= RETRY_RULES[kind].longest for delay in delays)


@pytest.mark.parametrize(
    ("kind", "first", "hours"),
    [
        (FailureKind.NOT_YET, [2, 4, 8, 16, 32, 64, 128, 256, 300], 1 / 3),
        (FailureKind.FORBIDDEN, [5, 10, 20, 40, 80, 160, 320, 640, 900], 1),
        (FailureKind.CREDENTIALS, [5, 10, 20, 40, 80, 160, 320, 640, 900], 2),
        (FailureKind.OUTAGE, [2, 4, 8, 16, 32, 64, 128, 256, 512, 900], 24),
        (FailureKind.RATE_LIMIT, [5, 10, 20, 40, 80, 160, 320, 640, 900], 24),
        (FailureKind.FAULT, [5, 10, 20, 40, 80, 160, 320, 640, 900], 1),
        (FailureKind.FINAL, [], 0),
    ],
)
def test_a_failure_that_stays_is_given_up_in_the_end(
    kind: FailureKind, first: list[int], hours: float
) -> None:
    delays, age = waits(kind)
    assert delays[: len(first)] == first
    assert timedelta(hours=hours) <= age <= timedelta(hours=hours) + timedelta(minutes=15)


@pytest.mark.parametrize("kind", [FailureKind.BUSY, FailureKind.DATABASE])
def test_another_worker_and_the_database_are_waited_for_as_long_as_it_takes(
    kind: FailureKind,
) -> None:
    assert plan_retry(kind, 10**6, timedelta(days=30)) == Retry(delay=RETRY_RULES[kind].longest)


def test_the_reason_of_an_end_says_what_was_tried() -> None:
    plan = plan_retry(FailureKind.OUTAGE, 103, timedelta(hours=24, minutes=3))
    assert plan == GiveUp(reason="It was tried 103 times in 1 day.")


@pytest.mark.parametrize(
    ("asked", "attempt", "delay"),
    [(120.0, 1, 120), (0.2, 1, 5), (1.4, 3, 20), (10.0**6, 1, 3_700), (60.0, 9, 900)],
)
def test_what_github_asks_for_is_waited_and_not_less_than_the_rule(
    asked: float, attempt: int, delay: int
) -> None:
    error = exceptions.GitHubRateLimitedError(retry_after=asked)
    plan = plan_retry(FailureKind.RATE_LIMIT, attempt, timedelta(), retry_after=asked_wait(error))
    assert plan == Retry(delay=delay)


def test_who_knows_when_the_other_worker_ends_is_believed() -> None:
    error = exceptions.BusyError(retry_after=2.5)
    assert plan_by_receipts(error, 7) == Retry(delay=3)


def test_a_job_without_a_row_is_given_up_before_its_queue_gives_it_up() -> None:
    outage, busy = exceptions.GitHubUnavailableError(), exceptions.BusyError()
    assert plan_by_receipts(outage, MAX_ATTEMPTS - 1) == Retry(delay=128)
    reason = f"github_unavailable after {MAX_ATTEMPTS} attempts"
    assert plan_by_receipts(outage, MAX_ATTEMPTS) == GiveUp(reason=reason)
    assert plan_by_receipts(busy, 100) == Retry(delay=60)
    assert plan_by_receipts(exceptions.MalformedMessageError(), 1) == GiveUp(
        reason="malformed_message"
    )
