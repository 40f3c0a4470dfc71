"""`kova migrate`."""

from __future__ import annotations

from typing import Final

import typer

from kova.adapters.postgres.migrate import migrate as migrate_database
from kova.bootstrap.settings import load_settings
from kova_server.cli.environment import DataOption, read_variables, require_variable

EXAMPLES: Final = ("kova migrate --data .kova",)


def migrate(data_folder: DataOption = None) -> None:
    """Bring the database up to date."""
    variables = read_variables(data_folder)
    require_variable(variables, "KOVA_DATABASE_URL")
    url = load_settings(variables).database_url
    assert url is not None
    typer.echo(migrate_database(url) or "The database is up to date.")
