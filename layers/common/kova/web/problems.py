"""Errors as RFC 9457 problem details, in one place."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from kova.shared import exceptions as errors

_LOG = logging.getLogger("kova.web")
_STATUS: Final[tuple[tuple[type[errors.KovaError], int, str], ...]] = (
    (errors.UnauthenticatedError, 401, "Unauthorized"),
    (errors.SignatureError, 401, "Unauthorized"),
    (errors.ForbiddenError, 403, "Forbidden"),
    (errors.NotFoundError, 404, "Not Found"),
    (errors.RateLimitedError, 429, "Too Many Requests"),
    (errors.ConflictError, 409, "Conflict"),
    (errors.IdempotencyError, 422, "Unprocessable Content"),
    (errors.InvalidInputError, 400, "Bad Request"),
    (errors.GitHubRefusedError, 422, "Unprocessable Content"),
    (errors.BudgetExhaustedError, 429, "Too Many Requests"),
    (errors.AiDeclinedError, 422, "Unprocessable Content"),
    (errors.AiBadAnswerError, 502, "Bad Gateway"),
    (errors.NotConfiguredError, 503, "Service Unavailable"),
    (errors.UnavailableError, 503, "Service Unavailable"),
)
_REASONS: Final = {
    400: ("Bad Request", "bad_json"),
    404: ("Not Found", "not_found"),
    405: ("Method Not Allowed", "method_not_allowed"),
    413: ("Content Too Large", "too_large"),
    415: ("Unsupported Media Type", "unsupported_media_type"),
}
RETRY_AFTER: Final = "5"


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


def describe(error: errors.KovaError) -> tuple[int, str]:
    """Return status and title for an error of the domain."""
    for kind, status, title in _STATUS:
        if isinstance(error, kind):
            return status, title
    return 500, "Internal Server Error"


def problem(
    request: Request,
    *,
    status: int,
    title: str,
    detail: str,
    reason: str,
    headers: Mapping[str, str] | None = None,
    **extra: Any,
) -> JSONResponse:
    """Return a problem response."""
    request_id = getattr(request.state, "request_id", "")
    body = problem_body(
        status=status, title=title, detail=detail, reason=reason, request_id=request_id, **extra
    )
    all_headers = dict(headers or {})
    if status == 503:  # noqa: PLR2004 (the status is its own name)
        all_headers.setdefault("Retry-After", RETRY_AFTER)
    if status == 401:  # noqa: PLR2004
        all_headers.setdefault("WWW-Authenticate", "Bearer")
    return JSONResponse(
        body, status_code=status, headers=all_headers, media_type="application/problem+json"
    )


def install(app: FastAPI) -> None:
    """Make the application answer every error as a problem."""
    app.exception_handler(errors.KovaError)(_kova)
    app.exception_handler(RequestValidationError)(_validation)
    app.exception_handler(HTTPException)(_http)
    app.exception_handler(Exception)(_unexpected)


async def _kova(request: Request, error: errors.KovaError) -> JSONResponse:
    status, title = describe(error)
    if status >= 500:  # noqa: PLR2004
        _LOG.warning("request failed", extra={"reason": error.reason, "detail": error.message})
    return problem(
        request,
        status=status,
        title=title,
        detail=error.message,
        reason=error.reason,
        headers=retry_header(error),
    )


def retry_header(error: errors.KovaError) -> dict[str, str]:
    """Return the Retry-After header of an error that knows when trying again may help."""
    seconds = error.data.get("retry_after")
    if not isinstance(seconds, int | float) or seconds <= 0:
        return {}
    return {"Retry-After": str(max(math.ceil(seconds), 1))}


async def _validation(request: Request, error: RequestValidationError) -> JSONResponse:
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return problem(
            request,
            status=400,
            title="Bad Request",
            detail="The body is not JSON.",
            reason="bad_json",
        )
    return problem(
        request,
        status=422,
        title="Unprocessable Content",
        detail="Some fields are not valid.",
        reason="invalid_fields",
        errors=[
            {"loc": [_text(part) for part in one["loc"]], "msg": _text(one["msg"])} for one in found
        ],
    )


def _text(value: object) -> str:
    return str(value).encode("utf-8", "replace").decode()[:200]


async def _http(request: Request, error: HTTPException) -> JSONResponse:
    title, reason = _REASONS.get(error.status_code, ("Error", "error"))
    headers = dict(error.headers or {})
    if error.status_code == 405:  # noqa: PLR2004
        headers["Allow"] = ", ".join(_allowed(request))
    return problem(
        request,
        status=error.status_code,
        title=title,
        detail=title + ".",
        reason=reason,
        headers=headers,
    )


def _allowed(request: Request) -> list[str]:
    """Return the methods of every route with this path: Starlette tells those of the first."""
    methods: set[str] = set()
    for router in request.app.state.routers:
        for route in router.routes:
            match, _ = route.matches(request.scope)
            if match is not Match.NONE:
                methods |= route.methods
    return sorted(methods)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    _LOG.error("unexpected error", exc_info=error)
    return problem(
        request,
        status=500,
        title="Internal Server Error",
        detail="Something went wrong here; the request id finds it in the log.",
        reason="internal_error",
    )
