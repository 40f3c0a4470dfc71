"""What people are told of a scan that failed: why, what was tried, and what helps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kova.scans.exceptions import InternalFaultError
from kova.shared.exceptions import KovaError
from kova.shared.retry import FailureKind, failure_kind

_ADVICE: Final[Mapping[FailureKind, str]] = {
    FailureKind.OUTAGE: "Run it again when the service answers.",
    FailureKind.RATE_LIMIT: "Run it again later; something else uses up GitHub's limit.",
    FailureKind.CREDENTIALS: (
        "GitHub does not accept Kova's credentials: whoever runs Kova can see why in /health."
    ),
    FailureKind.FORBIDDEN: (
        "Is the App suspended, or does it lack a permission? Then run the scan again."
    ),
    FailureKind.NOT_YET: (
        "Does the commit still exist, and is the App installed on this repository?"
        " Then run the scan again."
    ),
    FailureKind.FAULT: "Please report it, with the log.",
}


def describe_failure(error: Exception, tried: str = "") -> str:
    """Return the reason's name, a colon, and sentences that a person understands.

    Args:
        error: what ended the last attempt.
        tried: how often it was tried, as a sentence.
    """
    if isinstance(error, KovaError):
        reason, message = error.reason, error.message
    else:
        reason = InternalFaultError.reason
        message = f"A fault of Kova's own, {type(error).__name__}, ended the scan."
    advice = _ADVICE.get(failure_kind(error), "") if tried else ""
    return f"{reason}: {' '.join(filter(None, (message, tried, advice)))}"
