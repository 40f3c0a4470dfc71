"""`kova restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from kova.bootstrap.settings import load_settings, require
from kova_server.backup import restore as restore_backup
from kova_server.cli.environment import DataOption, read_variables

EXAMPLES: Final = (
    "KOVA_DATABASE_URL=postgresql://.../empty kova restore backups/kova-20261128.dump",
    "kova restore backups/kova-20261128.dump --replace --data .kova",
)


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `kova backup` wrote.")],
    *,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Replace the schema `public`; its grants and comment go too: grant again.",
        ),
    ] = False,
    data_folder: DataOption = None,
) -> None:
    """Fill an empty database from a backup: all of it, or nothing."""
    url = require(load_settings(read_variables(data_folder)).database_url, "KOVA_DATABASE_URL")
    restore_backup(url, file, replace=replace)
    typer.echo("Restored. `kova migrate` brings it up to date, where the backup is older.")
