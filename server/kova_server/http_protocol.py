"""HTTP as `kova serve` speaks it: uvicorn's, where the head of a request has to arrive in time.

Uvicorn limits how long a connection may idle between requests, and the application how long a body
may take (web/middleware/body_guard.py); nothing limits how long a head may dribble in.
"""

from __future__ import annotations

import asyncio
from typing import Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS: Final = 20.0
"""From a connection's begin, or from a head's first byte, to the head's end."""


class TimedHeadProtocol(H11Protocol):
    """Closes a connection whose request head does not end in time."""

    head_seconds = HEAD_SECONDS
    _head_timer: asyncio.TimerHandle | None = None

    # Narrower than asyncio says, as uvicorn's own is: a server has no other transport.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._follow_head()

    def data_received(self, data: bytes) -> None:
        """Take bytes: of a head, of a body, or of both."""
        super().data_received(data)
        self._follow_head()

    def on_response_complete(self) -> None:
        """Go on with what was sent before the answer: perhaps the begin of another head."""
        super().on_response_complete()
        if self.conn.trailing_data[0]:
            self._follow_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_timer()
        super().connection_lost(exc)

    def _follow_head(self) -> None:
        is_waiting = self.conn.their_state is h11.IDLE and not self.transport.is_closing()
        if not is_waiting:
            self._stop_timer()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_seconds, self.transport.close)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
