"""Whether a failed job is tried again, and when: one table, by what kind of failure it was."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from kova.shared.exceptions import (
    BusyError,
    ConflictError,
    DatabaseUnavailableError,
    GitHubRateLimitedError,
    GitHubRefusedError,
    KovaError,
    NotConfiguredError,
    RepositoryNotFoundError,
    StaleHeadError,
    UnavailableError,
)
from kova.shared.text import duration

# A job whose attempts only its receipts count is abandoned before the queue's own limit
# (maxReceiveCount) would take the message away without anybody being told.
MAX_ATTEMPTS: Final = 8
# GitHub's rate limits end after an hour; whoever asks for more is asked again then.
_LONGEST_ASKED: Final = 3_700


class FailureKind(enum.StrEnum):
    """What kind of failure ended an attempt."""

    BUSY = "busy"
    DATABASE = "database"
    OUTAGE = "outage"
    RATE_LIMIT = "rate_limit"
    CREDENTIALS = "credentials"
    FORBIDDEN = "forbidden"
    NOT_YET = "not_yet"
    STALE = "stale"
    FAULT = "fault"
    FINAL = "final"


@dataclass(frozen=True, kw_only=True)
class RetryRule:
    """The waits after a kind of failure: `first` seconds, then twice as long each time.

    Attributes:
        first: seconds before the second attempt.
        longest: seconds that no wait exceeds.
        lasts: how long it is tried again; None for as long as it takes.
    """

    first: int
    longest: int
    lasts: timedelta | None


RETRY_RULES: Final[Mapping[FailureKind, RetryRule]] = {
    # Another worker ends, or its lease does.
    FailureKind.BUSY: RetryRule(first=5, longest=60, lasts=None),
    # Without it nothing can be recorded, not even that a job was given up.
    FailureKind.DATABASE: RetryRule(first=2, longest=900, lasts=None),
    FailureKind.OUTAGE: RetryRule(first=2, longest=900, lasts=timedelta(hours=24)),
    FailureKind.RATE_LIMIT: RetryRule(first=5, longest=900, lasts=timedelta(hours=24)),
    # A token that was revoked, a key that is being replaced, a clock that is being set.
    FailureKind.CREDENTIALS: RetryRule(first=5, longest=900, lasts=timedelta(hours=2)),
    # An installation that is suspended, a permission that people are about to accept.
    FailureKind.FORBIDDEN: RetryRule(first=5, longest=900, lasts=timedelta(hours=1)),
    # A webhook is sent before all of GitHub knows the commit.
    FailureKind.NOT_YET: RetryRule(first=2, longest=300, lasts=timedelta(minutes=20)),
    # Within a few minutes an answer of GitHub's is believed, whatever it says.
    FailureKind.STALE: RetryRule(first=1, longest=60, lasts=timedelta(minutes=20)),
    FailureKind.FAULT: RetryRule(first=5, longest=900, lasts=timedelta(hours=1)),
    FailureKind.FINAL: RetryRule(first=0, longest=0, lasts=timedelta()),
}

_REFUSALS: Final = {
    "unauthenticated": FailureKind.CREDENTIALS,
    "forbidden": FailureKind.FORBIDDEN,
    "conflict": FailureKind.NOT_YET,
    "invalid": FailureKind.NOT_YET,
}
# What ends by itself, often within a moment. A permission that is lacking waits for people.
_PASSING: Final = frozenset({FailureKind.CREDENTIALS, FailureKind.NOT_YET})
# The first class that fits decides.
_KINDS: Final[tuple[tuple[type[KovaError], FailureKind], ...]] = (
    (BusyError, FailureKind.BUSY),
    (ConflictError, FailureKind.BUSY),
    (DatabaseUnavailableError, FailureKind.DATABASE),
    (GitHubRateLimitedError, FailureKind.RATE_LIMIT),
    (UnavailableError, FailureKind.OUTAGE),
    (RepositoryNotFoundError, FailureKind.NOT_YET),
    (StaleHeadError, FailureKind.STALE),
    (NotConfiguredError, FailureKind.CREDENTIALS),
)


@dataclass(frozen=True, kw_only=True)
class Retry:
    """Try again after so many seconds."""

    delay: int


@dataclass(frozen=True, kw_only=True)
class GiveUp:
    """Do not try again, for this reason."""

    reason: str


def failure_kind(error: Exception) -> FailureKind:
    """Return what kind of failure an exception is; one that is not Kova's is a fault."""
    if not isinstance(error, KovaError):
        return FailureKind.FAULT
    if isinstance(error, GitHubRefusedError):
        return _REFUSALS.get(str(error.data.get("refusal")), FailureKind.FINAL)
    fitting = (kind for error_class, kind in _KINDS if isinstance(error, error_class))
    return next(fitting, FailureKind.FINAL)


def is_passing(error: Exception) -> bool:
    """Tell whether a refusal is of the kinds that end by themselves, so that waiting helps."""
    return failure_kind(error) in _PASSING


def plan_retry(
    kind: FailureKind, attempt: int, age: timedelta, *, retry_after: float | None = None
) -> Retry | GiveUp:
    """Decide about a job that failed.

    Args:
        kind: of the failure.
        attempt: how many times it failed so without a pause, from 1.
        age: since it failed so for the first time.
        retry_after: seconds that whoever refused asks to wait.
    """
    rule = RETRY_RULES[kind]
    if kind is FailureKind.FINAL:
        return GiveUp(reason="Trying again does not help.")
    if rule.lasts is not None and age >= rule.lasts:
        return GiveUp(reason=f"It was tried {attempt} times in {duration(age)}.")
    # 2**30 seconds are more than any rule allows, and no overflow.
    delay = min(rule.first * 2 ** min(attempt - 1, 30), rule.longest)
    asked = math.ceil(min(retry_after, _LONGEST_ASKED)) if retry_after is not None else 0
    return Retry(delay=max(delay, asked) if kind is not FailureKind.BUSY else asked or delay)


def plan_by_receipts(error: Exception, receipts: int) -> Retry | GiveUp:
    """Decide about a job that has no row: its attempts are the receipts of its message, from 1."""
    kind = failure_kind(error)
    reason = error.reason if isinstance(error, KovaError) else type(error).__name__
    plan = plan_retry(kind, receipts, timedelta(), retry_after=asked_wait(error))
    if isinstance(plan, GiveUp):
        return GiveUp(reason=reason)
    if receipts >= MAX_ATTEMPTS and not isinstance(error, BusyError):
        return GiveUp(reason=f"{reason} after {receipts} attempts")
    return plan


def asked_wait(error: Exception) -> float | None:
    """Return the seconds that an error asks to wait for; None where it asks for nothing."""
    wait = error.data.get("retry_after") if isinstance(error, KovaError) else None
    return max(float(wait), 1.0) if isinstance(wait, int | float) else None
