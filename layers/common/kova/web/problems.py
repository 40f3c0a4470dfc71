"""Errors as RFC 9457 problem details in FastAPI; the statuses stand in web/problem_table.py."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from kova.shared.exceptions import KovaError
from kova.web.problem_table import (
    MEDIA_TYPE,
    describe,
    problem_body,
    problem_headers,
    retry_header,
)

_LOG = logging.getLogger("kova.web")
_REASONS: Final = {
    400: ("Bad Request", "bad_json"),
    404: ("Not Found", "not_found"),
    405: ("Method Not Allowed", "method_not_allowed"),
    413: ("Content Too Large", "too_large"),
    415: ("Unsupported Media Type", "unsupported_media_type"),
}


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
    all_headers = {**problem_headers(status), **(headers or {})}
    return JSONResponse(body, status_code=status, headers=all_headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Make the application answer every error as a problem."""
    app.exception_handler(KovaError)(_kova)
    app.exception_handler(RequestValidationError)(_validation)
    app.exception_handler(HTTPException)(_http)
    app.exception_handler(Exception)(_unexpected)


async def _kova(request: Request, error: KovaError) -> JSONResponse:
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


async def _validation(request: Request, error: RequestValidationError) -> JSONResponse:
    errors = error.errors()
    if any(detail["type"] == "json_invalid" for detail in errors):
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
            {"loc": [_text(part) for part in detail["loc"]], "msg": _text(detail["msg"])}
            for detail in errors
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
        # The server closes it after an exception: the next request must not be sent on it.
        headers={"Connection": "close"},
    )
