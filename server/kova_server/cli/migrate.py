"""`kova migrate`."""

from __future__ import annotations

import asyncio
from typing import Final

import typer

from kova.bootstrap.migration import migrate_and_make_key
from kova_server.cli.environment import DataOption, read_variables

EXAMPLES: Final = ("kova migrate --data .kova",)


def migrate(data_folder: DataOption = None) -> None:
    """Bring the database up to date; make the first API key where a secret of AWS waits for it."""
    report = asyncio.run(migrate_and_make_key(read_variables(data_folder)))
    typer.echo(report.migration or "The database is up to date.")
    if report.key_prefix:
        typer.echo(f"The first API key begins with {report.key_prefix}.")
