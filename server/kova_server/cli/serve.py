"""`kova serve`."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from functools import partial
from typing import Annotated, Final

import typer
import uvicorn

from kova.bootstrap.settings import load_settings
from kova.web.logs import configure_logging
from kova_server.application import NEEDED, NEEDED_IN_PRODUCTION, application
from kova_server.cli.environment import DataOption, PortOption, read_variables
from kova_server.http_protocol import TimedHeadProtocol
from kova_server.restart import ServeError, restart, serve_until_changed, watch_credentials
from kova_server.startup import require_schema
from kova_server.trusted_proxies import TrustedProxies

EXAMPLES: Final = ("kova serve --port 8000 --data .kova",)


def serve(
    port: PortOption = 8000,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    data_folder: DataOption = None,
) -> None:
    """Serve the API in this process."""
    original = dict(os.environ)
    variables = read_variables(data_folder)
    listening = _listen(host, port)
    load = partial(load_settings, needed=NEEDED, needed_in_production=NEEDED_IN_PRODUCTION)
    watch = watch_credentials(variables, load)
    configure_logging(variables.get("KOVA_LOG_LEVEL", ""))
    settings = load(variables)
    if variables.get("FORWARDED_ALLOW_IPS") and "KOVA_TRUSTED_PROXIES" not in variables:
        raise ServeError(
            "FORWARDED_ALLOW_IPS is not read any more: set KOVA_TRUSTED_PROXIES to the addresses of"
            " the proxies in front of the server, or to their number."
        )
    asyncio.run(require_schema(settings))
    app = application(settings)
    config = uvicorn.Config(
        TrustedProxies(app, settings.trusted_proxies),
        proxy_headers=False,
        http=TimedHeadProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )
    # Asks GitHub about the App at the start, and then once in a while.
    look = app.state.roots["health"].app_state
    with listening:
        has_changed = serve_until_changed(config, [listening], watch, each_second=look)
    if has_changed:
        restart(original)


def _listen(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Raises:
        ServeError: the port is taken, or the host is none of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2_048)
    except OSError as exc:
        if exc.errno == errno.EADDRINUSE:
            raise ServeError(f"Port {port} is taken: choose another one with --port.") from exc
        raise ServeError(f"{host}:{port} cannot be listened on: {exc.strerror}.") from exc
