"""`kova keys`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.table import Column, Table

from kova.access.api_key import Scope
from kova.bootstrap.keys import answer_key_request
from kova.shared.exceptions import InvalidInputError
from kova_server.cli.environment import DataOption, read_variables
from kova_server.cli.output import console
from kova_server.keys import ACTOR, ask_stack

EXAMPLES: Final = (
    "kova keys create ci --scope read --scope scan --data .kova",
    "kova keys create bot --scope read --repository octo/sample --data .kova",
    "kova keys list --data .kova",
    "kova keys revoke 1a2b3c4d --data .kova",
    "kova keys list --stack kova",
)
app = typer.Typer(
    help="Create, list and revoke API keys.", no_args_is_help=True, rich_markup_mode=None
)


StackOption = Annotated[
    str | None,
    typer.Option("--stack", help="Ask the stack of this name in AWS, with AWS's own settings."),
]


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    scope: Annotated[list[Scope], typer.Option("--scope", help="What the key may do; repeatable.")],
    *,
    days: Annotated[
        int | None, typer.Option("--days", min=1, max=3650, help="Days until it expires.")
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option("--budget", help="US dollars that it may spend in a month."),
    ] = None,
    repository: Annotated[
        list[str] | None,
        typer.Option("--repository", help="owner/name that it reaches; repeatable. Without: all."),
    ] = None,
    data_folder: DataOption = None,
    stack: StackOption = None,
) -> None:
    """Create a key and print it. It cannot be shown again."""
    scopes = [choice.value for choice in scope]
    request = {"action": "create", "name": name, "scopes": scopes, "days": days, "budget": budget}
    if repository:
        # Only then: a stack of an earlier release does not know it, and would make a wider key.
        request["repositories"] = repository
    typer.echo(_ask(request, data_folder, stack)["key"])


@app.command("list")
def list_all(data_folder: DataOption = None, stack: StackOption = None) -> None:
    """List keys, without their secrets."""
    columns = ("name", "scopes", "repositories", "created", "used", "expires", "revoked")
    table = Table(Column("prefix", no_wrap=True), *columns, box=None)
    moments = ("created_at", "last_used_at", "expires_at", "revoked_at")
    for key in _ask({"action": "list"}, data_folder, stack)["keys"]:
        shown = [(key[name] or "")[:16].replace("T", " ") for name in moments]
        reached = key.get("repositories")
        repositories = "all" if reached is None else " ".join(reached)
        table.add_row(key["prefix"], key["name"], " ".join(key["scopes"]), repositories, *shown)
    console().print(table)


@app.command("revoke")
def revoke(
    prefix: Annotated[str, typer.Argument(help="The part after `kova_`, as `list` shows it.")],
    data_folder: DataOption = None,
    stack: StackOption = None,
) -> None:
    """Revoke a key."""
    _ask({"action": "revoke", "prefix": prefix}, data_folder, stack)
    typer.echo("Revoked.")


def _ask(request: Mapping[str, Any], data_folder: Path | None, stack: str | None) -> dict[str, Any]:
    if stack is not None:
        if data_folder is not None:
            raise InvalidInputError("--stack and --data exclude each other.")
        return ask_stack(stack, request)
    return asyncio.run(answer_key_request(read_variables(data_folder), request, ACTOR))
