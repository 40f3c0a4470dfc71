"""The client of a request: its address, and what its rate limit said."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from fastapi import Request

from kova.access.rate_limit import Verdict
from kova.web.services import Process


def process_of(request: Request) -> Process:
    """Return the process that the application runs in."""
    process: Process = request.app.state.process
    return process


def address_of(request: Request) -> str:
    """Return where a call comes from, as limits count it."""
    return _one_caller(request.client.host) if request.client else "unknown"


def _one_caller(address: str) -> str:
    """Return what all addresses of one caller have in common.

    Of IPv6 that is the network of 64 bits, of which everybody has all addresses; an address of
    IPv4 may be written as one of IPv6.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed), 64), strict=False))


def note_verdict(request: Request) -> Callable[[Verdict], None]:
    """Return what notes the limit's verdict, for the answer's headers."""

    def note(verdict: Verdict) -> None:
        request.state.rate_limit = verdict
        if not verdict.allowed:
            process_of(request).meter.count("kova_rate_limited_total", policy=verdict.policy.name)

    return note
