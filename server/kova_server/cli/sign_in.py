"""`kova sign-in`."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

import typer

from kova_server.cli.environment import DataOption, read_variables
from kova_server.sign_in import make_sign_in_link

EXAMPLES: Final = (
    "kova sign-in --data .kova",
    "kova sign-in --data .kova --address https://kova.example.com",
)


def sign_in(
    data_folder: DataOption = None,
    address: Annotated[
        str, typer.Option("--address", help="Where you open Kova's pages.")
    ] = "http://127.0.0.1:8000",
) -> None:
    """Print a link to a page whose button signs you in, once, within a day.

    You are the owner of this Kova then: an admin who sees all repositories.
    """
    typer.echo(asyncio.run(make_sign_in_link(read_variables(data_folder), address)))
