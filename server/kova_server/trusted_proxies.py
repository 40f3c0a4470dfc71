"""The address of a client behind a number of proxies that are known.

Each proxy adds the address that it saw to the end of `X-Forwarded-For`. What stands before the
last ones the client may have made up.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

_ADDRESSES: Final = b"x-forwarded-for"
_SCHEME: Final = b"x-forwarded-proto"
_SCHEMES: Final = frozenset({"http", "https"})


class TrustedProxies:
    """Tells an application the client that the outermost of its proxies saw."""

    def __init__(self, app: ASGIApp, proxies: int) -> None:
        """`proxies`: how many are in front of the server; without any no header is believed."""
        self._app = app
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "http" and self._proxies:
            addresses = _elements(scope, _ADDRESSES)
            # Fewer than there are proxies: it came around one of them, and nothing of it is true.
            if len(addresses) >= self._proxies:
                address = parse_address(addresses[-self._proxies])
                client = scope.get("client") if address is None else (address, 0)
                scope = {**scope, "client": client, "scheme": _scheme(scope)}
        await self._app(scope, receive, send)


def parse_address(text: str) -> str | None:
    """Return an address without its port; None where the text is none.

    Some proxies write a port, and then brackets around an address of IPv6.
    """
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def _elements(scope: Scope, name: bytes) -> list[str]:
    """Return the elements of a header that is a list, of all its lines."""
    lines: Iterable[bytes] = (value for key, value in scope["headers"] if key == name)
    text = b",".join(lines).decode("latin-1")
    return [element.strip() for element in text.split(",")] if text else []


def _scheme(scope: Scope) -> str:
    """Return what the nearest proxy says last, or how the proxy itself came."""
    schemes = [text for text in _elements(scope, _SCHEME) if text in _SCHEMES]
    return schemes[-1] if schemes else str(scope["scheme"])
