"""Whether a page of our own sent a request, as its browser says: programs say what they like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

# `none`: the person typed the address, or reloads the page that a form led to.
_OWN_SITES: Final = frozenset({"same-origin", "none"})


def is_own_origin(origin: str, *, host: str, public_url: str | None) -> bool:
    """True if an Origin has the host of the request or of the public address.

    Behind a CDN the public host is not the request's.
    """
    try:
        sender = urlsplit(origin).netloc
    except ValueError:
        return False
    return sender in {host, urlsplit(public_url or "").netloc} - {""}


def is_foreign_form(headers: Mapping[str, str], *, public_url: str | None) -> bool:
    """True if a browser says that a page of another site sent the request."""
    if headers.get("sec-fetch-site", "same-origin") not in _OWN_SITES:
        return True
    origin, host = headers.get("origin"), headers.get("host", "")
    return origin is not None and not is_own_origin(origin, host=host, public_url=public_url)
