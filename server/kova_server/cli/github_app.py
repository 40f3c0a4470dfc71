"""`kova github-app`."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from kova.adapters.env_file import env_lines
from kova.adapters.memory.credentials import MemoryCredentialStore
from kova.bootstrap.environment import environment
from kova.bootstrap.settings import load_settings
from kova.setup.exceptions import AppConfiguredError
from kova.web.logs import configure_logging
from kova_server.embedded.github import APP_FILE
from kova_server.github_app import create_github_app, file_store

EXAMPLES: Final = (
    "kova github-app create --url https://kova.example.com",
    "kova github-app create --organization acme --url https://kova.example.com --data .kova",
    "KOVA_GITHUB_API_URL=https://github.example.com/api/v3 kova github-app create",
)
app = typer.Typer(
    help="Make the GitHub App that Kova works as.", no_args_is_help=True, rich_markup_mode=None
)


@app.callback()
def _group() -> None:
    """Make `create` a command of its own: a group of a single one would have no name for it."""


@app.command("create")
def create(
    *,
    organization: Annotated[
        str, typer.Option("--organization", help="Who owns it; without it, your own account.")
    ] = "",
    url: Annotated[
        str, typer.Option("--url", help="The public address of Kova, where GitHub sends webhooks.")
    ] = "",
    name: Annotated[str, typer.Option("--name", help="What the App is called.")] = "Kova",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Of the local page; 0 takes a free one.")
    ] = 0,
    output: Annotated[Path, typer.Option("--output", help="The file for the credentials.")] = Path(
        APP_FILE
    ),
    data_folder: Annotated[
        Path | None, typer.Option("--data", help="Store them for the `kova up` of this folder.")
    ] = None,
    print_env: Annotated[
        bool, typer.Option("--print-env", help="Print the credentials instead: KEY=VALUE.")
    ] = False,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
) -> None:
    """Make the App with GitHub's own form, and store what GitHub returns.

    A page on 127.0.0.1 leads through it. Another GitHub is named by KOVA_GITHUB_API_URL.
    """
    variables = environment()
    configure_logging(variables.get("KOVA_LOG_LEVEL", "") or "warning")
    settings = load_settings(
        {key: variables[key] for key in _READ if variables.get(key)}
        | ({"KOVA_PUBLIC_URL": url} if url else {})
    )
    file = data_folder / APP_FILE if data_folder else output
    store = MemoryCredentialStore() if print_env else file_store(file, settings.github_api_url)
    if asyncio.run(store.progress()).is_configured:
        raise AppConfiguredError(f"{file} holds the credentials of an App already.")

    def announce(address: str) -> None:
        typer.echo(f"Open {address}", err=True)
        if browser and sys.stdout.isatty() and os.environ.get("DISPLAY", sys.platform):
            typer.launch(address)

    defaults = {"name": name, "organization": organization}
    credentials = create_github_app(settings, store, defaults, port=port, announce=announce)
    if print_env:
        typer.echo(env_lines(credentials.all_settings()), nl=False)
    else:
        typer.echo(f"The credentials of {credentials.name} are in {file}, for its owner alone.")
        typer.echo("Kova reads them there: KOVA_GITHUB_APP_FILE names the file.")
    typer.echo(f"Choose its repositories: {credentials.page}/installations/new", err=print_env)


_READ: Final = ("KOVA_GITHUB_API_URL", "KOVA_GITHUB_WEB_URL", "KOVA_PUBLIC_URL")
