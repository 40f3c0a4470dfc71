"""The statuses of errors and the bodies of problems (RFC 9457), without a web framework.

The webhook and docs functions answer with these alone; web/problems.py is the same for FastAPI.
"""

from __future__ import annotations

import math
from typing import Any, Final

from kova.shared import exceptions

RETRY_AFTER: Final = "5"
MEDIA_TYPE: Final = "application/problem+json"
_STATUS: Final[tuple[tuple[type[exceptions.KovaError], int, str], ...]] = (
    (exceptions.UnauthenticatedError, 401, "Unauthorized"),
    (exceptions.SignatureError, 401, "Unauthorized"),
    (exceptions.ForbiddenError, 403, "Forbidden"),
    (exceptions.DirectAddressError, 403, "Forbidden"),
    (exceptions.NotFoundError, 404, "Not Found"),
    (exceptions.RateLimitedError, 429, "Too Many Requests"),
    (exceptions.ConflictError, 409, "Conflict"),
    (exceptions.IdempotencyError, 422, "Unprocessable Content"),
    (exceptions.InvalidInputError, 400, "Bad Request"),
    (exceptions.GitHubRefusedError, 422, "Unprocessable Content"),
    (exceptions.BudgetExhaustedError, 429, "Too Many Requests"),
    (exceptions.AiDeclinedError, 422, "Unprocessable Content"),
    (exceptions.AiBadAnswerError, 502, "Bad Gateway"),
    (exceptions.NotConfiguredError, 503, "Service Unavailable"),
    (exceptions.UnavailableError, 503, "Service Unavailable"),
)


def problem_body(
    *, status: int, title: str, detail: str, reason: str, request_id: str, **extra: Any
) -> dict[str, Any]:
    """Return the body of a problem response."""
    body = {
        "type": f"urn:kova:problem:{reason}",
        "title": title,
        "status": status,
        "detail": detail,
        "reason": reason,
        "request_id": request_id,
    }
    return body | extra


def describe(error: exceptions.KovaError) -> tuple[int, str]:
    """Return status and title for an error of the domain."""
    for kind, status, title in _STATUS:
        if isinstance(error, kind):
            return status, title
    return 500, "Internal Server Error"


def retry_header(error: exceptions.KovaError) -> dict[str, str]:
    """Return the Retry-After header of an error that knows when trying again may help."""
    seconds = error.data.get("retry_after")
    if not isinstance(seconds, int | float) or seconds <= 0:
        return {}
    return {"Retry-After": str(max(math.ceil(seconds), 1))}


def problem_headers(status: int) -> dict[str, str]:
    """Return the headers that every problem of a status carries."""
    if status == 503:  # noqa: PLR2004 (the status is its own name)
        return {"Retry-After": RETRY_AFTER}
    if status == 401:  # noqa: PLR2004
        return {"WWW-Authenticate": "Bearer"}
    return {}
