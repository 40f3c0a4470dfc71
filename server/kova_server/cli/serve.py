"""`kova serve`."""

from __future__ import annotations

from typing import Annotated, Final

import typer
import uvicorn

from kova.web.logs import configure_logging
from kova_server.application import application
from kova_server.cli.environment import DataOption, PortOption, settings_in_force

EXAMPLES: Final = ("kova serve --port 8000 --data .kova",)


def serve(
    port: PortOption = 8000,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    data: DataOption = None,
) -> None:
    """Serve the API in this process."""
    configure_logging()
    uvicorn.run(
        application(settings_in_force(data)),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )
