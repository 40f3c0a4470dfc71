"""The address that other sites send browsers back to."""

from __future__ import annotations

from fastapi import Request

from kova.shared.exceptions import NotConfiguredError
from kova.web.pages.cookie import is_local


def own_address(request: Request, public_url: str | None) -> str:
    """Return the address that other sites know Kova by, without a slash at its end.

    Where it is not set, the browser's own: Google and GitHub send nobody to an address that they
    do not know.

    Raises:
        NotConfiguredError: it is not set, and the browser's is neither private nor this machine's.
    """
    if public_url is not None:
        return public_url.rstrip("/")
    if is_local(request) or request.url.scheme == "https":
        return f"{request.url.scheme}://{request.url.netloc}"
    raise NotConfiguredError("This needs KOVA_PUBLIC_URL, the address of these pages.")
