"""The address of a client behind proxies that are known, by their number or by their addresses.

Each proxy adds the address that it saw to the end of `X-Forwarded-For`. What stands before the
last ones the client may have made up.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

_ADDRESSES: Final = b"x-forwarded-for"
_SCHEME: Final = b"x-forwarded-proto"
_SCHEMES: Final = frozenset({"http", "https"})


class TrustedProxies:
    """Tells an application the client that the outermost of its proxies saw."""

    def __init__(self, app: ASGIApp, proxies: int | Sequence[str]) -> None:
        """`proxies`: how many are in front of the server, or their addresses and networks.

        Without any no header is believed. By number it is believed of whoever connects, so that
        the server must be reached through them only.
        """
        self._app = app
        self._count = proxies if isinstance(proxies, int) else 0
        networks = () if isinstance(proxies, int) else proxies
        self._networks = [ipaddress.ip_network(network) for network in networks]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "http" and (self._count or self._networks):
            addresses = _elements(scope, _ADDRESSES)
            place = self._place(addresses, scope)
            if place is not None:
                address = parse_address(addresses[place])
                client = scope.get("client") if address is None else (address, 0)
                scope = {**scope, "client": client, "scheme": _scheme(scope)}
        await self._app(scope, receive, send)

    def _place(self, addresses: Sequence[str], scope: Scope) -> int | None:
        """Return which element is the client; None where nothing of the header is believed.

        Fewer elements than there are proxies: the request came around one of them.
        """
        if self._count:
            return -self._count if len(addresses) >= self._count else None
        peer = scope.get("client")
        if not addresses or peer is None or not self._is_proxy(peer[0]):
            return None
        places = range(len(addresses) - 1, -1, -1)
        return next((place for place in places if not self._is_proxy(addresses[place])), 0)

    def _is_proxy(self, text: str) -> bool:
        address = parse_address(text)
        if address is None:
            return False
        parsed = ipaddress.ip_address(address)
        return any(parsed in network for network in self._networks)


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
