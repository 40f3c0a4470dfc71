"""`kova up`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from kova.access.api_key import Scope
from kova.adapters.postgres.migrate import migrate
from kova.bootstrap.settings import load_settings, require
from kova_server.cli.ending import COULD_NOT_RUN
from kova_server.cli.environment import DATA, PortOption
from kova_server.embedded.stack import StackOptions
from kova_server.embedded.stack import up as start_stack
from kova_server.keys import create_key

EXAMPLES: Final = (
    "kova up --port 8080 --data /var/lib/kova",
    "KOVA_DATABASE_URL=postgresql://user@host/kova kova up",
    "KOVA_GITHUB_API_URL=https://api.github.com kova up",
)


def up(
    port: PortOption = 8000,
    data_folder: Annotated[Path, typer.Option("--data", help="The folder for all data.")] = DATA,
    setup: Annotated[
        bool,
        typer.Option("--setup", help="Make a GitHub App by /setup, on the practice GitHub too."),
    ] = False,
) -> None:
    """Start everything on this machine, from Postgres to the worker.

    Ctrl-C stops it. The exit code is 0 after a clean stop, 2 when a part failed or did not start.
    """
    # What is wrong with the settings is said before anything starts.
    load_settings({"KOVA_ENV": "local", **os.environ})

    def migrate_database(variables: Mapping[str, str]) -> None:
        url = load_settings(variables, needed=("KOVA_DATABASE_URL",)).database_url
        migrate(require(url, "KOVA_DATABASE_URL"))

    def create_first_key(variables: Mapping[str, str]) -> str:
        return asyncio.run(create_key(variables, "local", list(Scope)))

    options = StackOptions(
        data_folder=data_folder, port=port, environment=dict(os.environ), setup=setup
    )
    code = start_stack(
        options, migrate=migrate_database, create_key=create_first_key, announce=typer.echo
    )
    raise typer.Exit(COULD_NOT_RUN if code else 0)
