"""The statuses of errors, and what a failure answers with, without a web framework.

The API answers with problems (RFC 9457), addresses that people look at with a page. The webhook and
docs functions answer with these alone; web/problems.py is the same for FastAPI.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from kova.shared import exceptions
from kova.web import body_errors

if TYPE_CHECKING:
    from kova.web.pages.session import SignedIn

RETRY_AFTER: Final = "5"
MEDIA_TYPE: Final = "application/problem+json"
_STATUS: Final[tuple[tuple[type[exceptions.KovaError], int, str], ...]] = (
    (body_errors.BodyTooLargeError, 413, "Content Too Large"),
    (body_errors.BodyTooSlowError, 408, "Request Timeout"),
    (exceptions.MediaTypeError, 415, "Unsupported Media Type"),
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
_PAGES: Final = ("/ui", "/auth")


def is_page(path: str) -> bool:
    """Return whether people look at what a path answers; programs ask for other paths."""
    return path == "/" or any(path == root or path.startswith(f"{root}/") for root in _PAGES)


def failure_answer(
    path: str,
    *,
    status: int,
    title: str,
    detail: str,
    reason: str,
    request_id: str,
    headers: Mapping[str, str] | None = None,
    signed_in: SignedIn | None = None,
    **extra: Any,
) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers of a request that failed.

    Args:
        path: the request's; it decides about page or problem, as programs send any Accept.
        status: the HTTP status.
        title: the status in words.
        detail: what happened.
        reason: the machine-readable name of what happened.
        request_id: finds the request in the log.
        headers: more headers; they win over those of the status.
        signed_in: who looks, where it is certain already.
        extra: more members of a problem.
    """
    all_headers = {**problem_headers(status), **(headers or {})}
    if is_page(path):
        # Programs never pay for templates.
        from kova.web.dashboard.failure import failure_page

        page = failure_page(
            path=path,
            status=status,
            detail="" if detail == f"{title}." else detail,
            reason=reason,
            request_id=request_id,
            retry_after=all_headers.get("Retry-After"),
            signed_in=signed_in,
        )
        return page.body, {**page.headers, **all_headers}
    body = problem_body(
        status=status, title=title, detail=detail, reason=reason, request_id=request_id, **extra
    )
    return json.dumps(body).encode(), {"content-type": MEDIA_TYPE, **all_headers}


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
