"""Whether a failed job is tried again, and when."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from kova.shared.exceptions import (
    BusyError,
    ConflictError,
    GitHubRateLimitedError,
    KovaError,
    UnavailableError,
)

# A scan is abandoned before the queue's own limit (maxReceiveCount) would take the message away
# without anybody being told.
MAX_ATTEMPTS: Final = 8
_LONGEST_DELAY: Final = 900


@dataclass(frozen=True, kw_only=True)
class Retry:
    """Try again after so many seconds."""

    delay: int


@dataclass(frozen=True, kw_only=True)
class GiveUp:
    """Do not try again, for this reason."""

    reason: str


def plan_retry(error: Exception, attempt: int) -> Retry | GiveUp:
    """Decide about a job that failed.

    Args:
        error: the exception that ended the job.
        attempt: how many times the message was received, from 1.
    """
    if isinstance(error, BusyError):  # Waiting for another worker is no attempt of one's own.
        return Retry(delay=_seconds_to_wait(error, 5))
    reason = error.reason if isinstance(error, KovaError) else type(error).__name__
    retryable = isinstance(error, UnavailableError | ConflictError) or not isinstance(
        error, KovaError
    )
    if not retryable:
        return GiveUp(reason=reason)
    if attempt >= MAX_ATTEMPTS:
        return GiveUp(reason=f"{reason} after {attempt} attempts")
    if isinstance(error, GitHubRateLimitedError):
        return Retry(delay=_seconds_to_wait(error, 60))
    return Retry(delay=min(2**attempt, _LONGEST_DELAY))


def _seconds_to_wait(error: KovaError, usual: int) -> int:
    """Return the whole seconds that an error asks to wait for."""
    retry_after = error.data.get("retry_after")
    delay = math.ceil(retry_after) if isinstance(retry_after, int | float) else usual
    return max(1, min(delay, _LONGEST_DELAY))
