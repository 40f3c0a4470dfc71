"""The cookie that holds a person's session."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from fastapi import Request, Response

from kova.access.person import LIFETIME

_NAME: Final = "kova"
_LOCAL_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def is_local(request: Request) -> bool:
    """True if the browser reaches this machine over plain HTTP."""
    return request.url.scheme == "http" and request.url.hostname in _LOCAL_HOSTS


def read_cookie(request: Request, name: str = _NAME) -> str | None:
    """Return the value of a cookie of ours."""
    return request.cookies.get(_full_name(request, name))


def set_cookie(
    request: Request,
    response: Response,
    value: str,
    *,
    name: str = _NAME,
    lifetime: timedelta = LIFETIME,
) -> None:
    """Send a cookie that scripts and other sites' forms do not get at."""
    response.set_cookie(
        _full_name(request, name),
        value,
        max_age=int(lifetime.total_seconds()),
        path="/",
        secure=not is_local(request),
        httponly=True,
        samesite="lax",
    )


def delete_cookie(request: Request, response: Response, name: str = _NAME) -> None:
    """Let the browser forget a cookie."""
    response.delete_cookie(
        _full_name(request, name),
        path="/",
        secure=not is_local(request),
        httponly=True,
        samesite="lax",
    )


def _full_name(request: Request, name: str) -> str:
    # Browsers keep `__Host-` cookies over TLS only.
    return name if is_local(request) else f"__Host-{name}"
