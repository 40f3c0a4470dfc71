"""`kova migrate`."""

from __future__ import annotations

from typing import Final

import typer

from kova.adapters.postgres.migrate import migrate as migrate_database
from kova.bootstrap.settings import load_settings, require
from kova_server.cli.environment import DataOption, read_variables

EXAMPLES: Final = ("kova migrate --data .kova",)


def migrate(data_folder: DataOption = None) -> None:
    """Bring the database up to date."""
    settings = load_settings(read_variables(data_folder), needed=("KOVA_DATABASE_URL",))
    url = require(settings.database_url, "KOVA_DATABASE_URL")
    typer.echo(migrate_database(url) or "The database is up to date.")
