"""`kova keys`."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Annotated, Final

import typer
from rich.table import Column, Table

from kova.access.api_key import Scope
from kova_server.cli.environment import DataOption, read_variables
from kova_server.cli.output import console
from kova_server.keys import create_key, list_keys, revoke_key

EXAMPLES: Final = (
    "kova keys create ci --scope read --scope scan --data .kova",
    "kova keys list --data .kova",
    "kova keys revoke 1a2b3c4d --data .kova",
)
app = typer.Typer(
    help="Create, list and revoke API keys.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    scope: Annotated[list[Scope], typer.Option("--scope", help="What the key may do; repeatable.")],
    days: Annotated[
        int | None, typer.Option("--days", min=1, max=3650, help="Days until it expires.")
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option("--budget", min=0, help="US dollars that it may spend in a month."),
    ] = None,
    data_folder: DataOption = None,
) -> None:
    """Create a key and print it. It cannot be shown again."""
    cap = Decimal(str(budget)) if budget is not None else None
    creation = create_key(read_variables(data_folder), name, scope, days=days, budget=cap)
    typer.echo(asyncio.run(creation))


@app.command("list")
def list_all(data_folder: DataOption = None) -> None:
    """List keys, without their secrets."""
    table = Table(
        Column("prefix", no_wrap=True),
        "name",
        "scopes",
        "created",
        "used",
        "expires",
        "revoked",
        box=None,
    )
    for key in asyncio.run(list_keys(read_variables(data_folder))):
        times = (key.created_at, key.last_used_at, key.expires_at, key.revoked_at)
        shown = [f"{moment:%Y-%m-%d %H:%M}" if moment else "" for moment in times]
        table.add_row(key.prefix, key.name, " ".join(sorted(key.scopes)), *shown)
    console().print(table)


@app.command("revoke")
def revoke(
    prefix: Annotated[str, typer.Argument(help="The part after `kova_`, as `list` shows it.")],
    data_folder: DataOption = None,
) -> None:
    """Revoke a key."""
    asyncio.run(revoke_key(read_variables(data_folder), prefix.removeprefix("kova_")))
    typer.echo("Revoked.")
