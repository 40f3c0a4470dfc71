"""`kova up`, `kova serve`, `kova worker`."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from kova.domain.api_key import Scope
from kova.web.logs import configure_logging
from kova_server.application import application
from kova_server.cli.environment import DATA, DataOption, settings_in_force
from kova_server.embedded.stack import StackOptions
from kova_server.embedded.stack import up as start_stack
from kova_server.keys import create_key
from kova_server.migrations import migrate
from kova_server.worker import NEEDED, load_settings, run_worker

PortOption = Annotated[int, typer.Option("--port", min=1, max=65535, help="The port to listen on.")]


def up(
    port: PortOption = 8000,
    data: Annotated[Path, typer.Option("--data", help="Where everything is kept.")] = DATA,
) -> None:
    """Start everything on this machine, from Postgres to the worker. Ctrl-C stops it."""

    def migrate_database(variables: Mapping[str, str]) -> None:
        migrate(variables["KOVA_DATABASE_URL"])

    def first_key(variables: Mapping[str, str]) -> str:
        return asyncio.run(create_key(variables, "local", list(Scope)))

    options = StackOptions(data=data, port=port, environment=dict(os.environ))
    code = start_stack(options, migrate=migrate_database, create_key=first_key, announce=typer.echo)
    raise typer.Exit(code)


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


def worker(data: DataOption = None) -> None:
    """Work on the scan queue until SIGTERM; the scan in hand is finished first."""
    configure_logging(logging.INFO)
    asyncio.run(run_worker(load_settings(settings_in_force(data), needed=NEEDED)))
