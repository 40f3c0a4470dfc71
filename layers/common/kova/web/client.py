"""The client of a request: its address, and what its rate limit said."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import Request

from kova.access.rate_limit import Verdict
from kova.web.services import Process


def process_of(request: Request) -> Process:
    """Return the process that the application runs in."""
    process: Process = request.app.state.process
    return process


def address_of(request: Request) -> str:
    """Return where a call comes from, as the server or API Gateway tells it."""
    return request.client.host if request.client else "unknown"


def note_verdict(request: Request) -> Callable[[Verdict], None]:
    """Return what notes the limit's verdict, for the answer's headers."""

    def note(verdict: Verdict) -> None:
        request.state.rate_limit = verdict
        if not verdict.allowed:
            process_of(request).meter.count("kova_rate_limited_total", policy=verdict.policy.name)

    return note
