"""Only what the CDN in front of Kova passes on is answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from kova.shared.exceptions import DirectAddressError
from kova.web.middleware.body_guard import refuse
from kova.web.origin import HEADER, parse_viewer, require_origin

_HEADER: Final = HEADER.encode()


class OriginGuard:
    """Refuses requests without the CDN's secret; the others go on without it."""

    def __init__(self, app: ASGIApp, secrets: Sequence[str], address_header: str | None) -> None:
        """Wrap an application.

        Args:
            app: the application.
            secrets: the values of the header that are valid now.
            address_header: the header, in lower case, in which the CDN tells its client's address.
        """
        self._app = app
        self._secrets = secrets
        self._address_header = address_header

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = [value for name, value in scope["headers"] if name.lower() == _HEADER]
        try:
            require_origin(sent, self._secrets)
        except DirectAddressError as exc:
            await refuse(scope, send, exc)
            return
        others = [pair for pair in scope["headers"] if pair[0].lower() != _HEADER]
        client = self._viewer(others) or scope.get("client")
        await self._app({**scope, "headers": others, "client": client}, receive, send)

    def _viewer(self, headers: Sequence[tuple[bytes, bytes]]) -> tuple[str, int] | None:
        """Return the client's address and port 0; None where the CDN does not tell it once."""
        if self._address_header is None:
            return None
        name = self._address_header.encode()
        values = [value for key, value in headers if key.lower() == name]
        if len(values) != 1:
            return None
        address = parse_viewer(self._address_header, values[0].decode("latin-1"))
        return None if address is None else (address, 0)
