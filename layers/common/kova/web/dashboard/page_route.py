"""Errors of the pages' routes become pages, not JSON."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, Final

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from kova.shared.exceptions import KovaError
from kova.web.dashboard.render import answer_page, render
from kova.web.problem_table import describe, problem_headers, retry_header

_LOG: Final = logging.getLogger("kova.web")
_SERVER_FAULT: Final = 500


class PageRoute(APIRoute):
    """A route that people look at."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the route's handler, its errors shown as pages."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError:
                return _problem(
                    request, 422, "invalid_fields", "The address is not one of ours.", {}
                )
            except KovaError as exc:
                status, _ = describe(exc)
                if status >= _SERVER_FAULT:
                    _LOG.warning("page failed", extra={"reason": exc.reason, "detail": exc.message})
                headers = problem_headers(status) | retry_header(exc)
                return _problem(request, status, exc.reason, exc.message, headers)

        return answer


def _problem(
    request: Request, status: int, reason: str, detail: str, headers: dict[str, str]
) -> Response:
    values = {
        "title": _TITLES.get(status, "That did not work"),
        "status": status,
        "reason": reason,
        "detail": detail,
        "request_id": getattr(request.state, "request_id", ""),
    }
    signed_in = getattr(request.state, "signed_in", None)
    page = render(
        "problem.html",
        signed_in,
        path=request.url.path,
        now=datetime.now(UTC),
        values=values,
        status=status,
    )
    response = answer_page(page)
    response.headers.update(headers)
    return response


_TITLES: Final = {
    403: "You may not do this",
    404: "There is nothing here",
    409: "That is not possible now",
    429: "Too much at once",
    503: "A part of Kova does not answer",
}
