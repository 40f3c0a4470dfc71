"""Which addresses are this machine's own: the practice services answer to no other one."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.requests import Request


def is_loopback_url(url: str) -> bool:
    """True for a URL whose host is `localhost`, or an address that leads nowhere else."""
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return False
    return host is not None and is_loopback_host(host)


def is_loopback_host(host: str) -> bool:
    """True for `localhost` and for addresses that lead nowhere else; without a port."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_from_here(request: Request) -> bool:
    """False for a name that leads here by an attacker's DNS, and for what a foreign page sends."""
    if not is_loopback_url(f"http://{request.headers.get('host', '')}"):
        return False
    if request.headers.get("sec-fetch-site") == "cross-site":
        return request.method in {"GET", "HEAD"}
    origin = request.headers.get("origin", "null")
    return origin == "null" or is_loopback_url(origin)
