"""`kova backup`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from kova.bootstrap.settings import load_settings, require
from kova_server.backup import back_up
from kova_server.cli.environment import DataOption, read_variables

EXAMPLES: Final = ("kova backup backups --data .kova", "kova backup /var/backups/kova --keep 30")


def backup(
    folder: Annotated[Path, typer.Argument(help="The folder that gets the file.")],
    *,
    keep: Annotated[
        int, typer.Option("--keep", min=1, help="How many backups stay in the folder.")
    ] = 7,
    data_folder: DataOption = None,
) -> None:
    """Write the whole database into a new file, while work goes on."""
    url = require(load_settings(read_variables(data_folder)).database_url, "KOVA_DATABASE_URL")
    result = back_up(url, folder, keep)
    typer.echo(f"{result.file} ({result.size:,} bytes)")
    for file in result.removed:
        typer.echo(f"removed {file}")
