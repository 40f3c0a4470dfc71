"""One HTTP server for the API's port and for the Runtime API's, told apart by their sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send


class PortServer(uvicorn.Server):
    """Serves each socket's port by an application of its own."""

    def __init__(
        self,
        apps: Mapping[int, ASGIApp],
        *,
        before_end: Callable[[], Awaitable[None]],
        each_second: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`before_end` is called while everything still answers; it ends what waits."""

        async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
            await apps[scope["server"][1]](scope, receive, send)

        # The client's address is the connection's: nobody stands before this server.
        config = uvicorn.Config(
            dispatch,
            access_log=False,
            log_level="warning",
            lifespan="off",
            ws="none",
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=2,
            callback_notify=each_second,
            timeout_notify=1,
        )
        super().__init__(config)
        self._before_end = before_end

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what waits, then the server."""
        await self._before_end()
        await super().shutdown(sockets=sockets)

    @asynccontextmanager
    async def running(self, sockets: Sequence[socket.socket]) -> AsyncIterator[None]:
        """Serve in the background.

        Raises:
            KeyboardInterrupt: it was stopped by a signal before the end.
        """
        serving = asyncio.create_task(self.serve(list(sockets)))
        try:
            yield
        finally:
            self.should_exit = True
            await serving


def loopback_sockets(count: int, port: int = 0) -> list[socket.socket]:
    """Return sockets that listen on the loopback, at free ports or at this one."""
    listeners = [socket.create_server(("127.0.0.1", port)) for _ in range(count)]
    for listener in listeners:
        # Accepted connections inherit it. asyncio does not set it on those of such a listener, and
        # the body of each answer would wait 40 ms until its head is acknowledged.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listeners


def port_of(listener: socket.socket) -> int:
    """Return the port of a socket."""
    port: int = listener.getsockname()[1]
    return port
