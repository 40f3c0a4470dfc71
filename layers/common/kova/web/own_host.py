"""Whether a browser's Origin is a page of our own: whoever is no browser sends anything there."""

from __future__ import annotations

from urllib.parse import urlsplit


def is_own_origin(origin: str, *, host: str, public_url: str | None) -> bool:
    """True if an Origin has the host of the request or of the public address.

    Behind a CDN the public host is not the request's.
    """
    try:
        sender = urlsplit(origin).netloc
    except ValueError:
        return False
    return sender in {host, urlsplit(public_url or "").netloc} - {""}
