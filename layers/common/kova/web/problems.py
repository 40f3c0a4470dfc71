"""Errors as RFC 9457 problem details in FastAPI; the statuses stand in web/problem_table.py."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from kova.shared.exceptions import KovaError
from kova.web.body_errors import BodyRefusedError
from kova.web.headers import SECURITY_HEADERS
from kova.web.problem_table import describe, failure_answer, retry_header

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
) -> Response:
    """Return the answer to a request that failed: a problem, or a page where people look."""
    body, all_headers = failure_answer(
        request.scope["path"],
        status=status,
        title=title,
        detail=detail,
        reason=reason,
        request_id=getattr(request.state, "request_id", ""),
        headers=headers,
        signed_in=getattr(request.state, "signed_in", None),
        **extra,
    )
    return Response(body, status_code=status, headers=all_headers)


def install(app: FastAPI) -> None:
    """Make the application answer every error as a problem."""
    app.exception_handler(KovaError)(_kova)
    app.exception_handler(RequestValidationError)(_validation)
    app.exception_handler(HTTPException)(_http)
    app.exception_handler(Exception)(_unexpected)


async def _kova(request: Request, error: KovaError) -> Response:
    status, title = describe(error)
    if status >= 500:  # noqa: PLR2004
        _LOG.warning("request failed", extra={"reason": error.reason, "detail": error.message})
    return problem(
        request,
        status=status,
        title=title,
        detail=error.message,
        reason=error.reason,
        headers=retry_header(error) | _closing(error),
    )


def _closing(error: KovaError) -> dict[str, str]:
    """Whoever still sends a body that was refused may lose what comes after the answer."""
    return {"Connection": "close"} if isinstance(error, BodyRefusedError) else {}


async def _validation(request: Request, error: RequestValidationError) -> Response:
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


async def _http(request: Request, error: HTTPException) -> Response:
    headers = dict(error.headers or {})
    if error.status_code < 400:  # noqa: PLR2004
        return Response(status_code=error.status_code, headers=headers)
    title, reason = _REASONS.get(error.status_code, ("Error", "error"))
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


async def _unexpected(request: Request, error: Exception) -> Response:
    _LOG.error("unexpected error", exc_info=error)
    response = problem(
        request,
        status=500,
        title="Internal Server Error",
        detail="Something went wrong here; the request id finds it in the log.",
        reason="internal_error",
        # The server closes it after an exception: the next request must not be sent on it.
        headers={"Connection": "close"},
    )
    # It leaves outside of RequestContext, which gives other answers their headers.
    for name, text in SECURITY_HEADERS.items():
        response.headers.setdefault(name, text)
    response.headers["x-request-id"] = getattr(request.state, "request_id", "")
    return response
