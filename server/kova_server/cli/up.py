"""`kova up`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final

import typer

from kova.access.api_key import Scope
from kova.adapters.postgres.migrate import migrate
from kova.bootstrap.settings import load_settings, require
from kova.shared.exceptions import NotConfiguredError
from kova_server.cli.ending import COULD_NOT_RUN
from kova_server.cli.environment import DATA, PortOption
from kova_server.embedded.stack import Hooks, StackOptions
from kova_server.embedded.stack import up as start_stack
from kova_server.keys import create_key
from kova_server.sign_in import make_sign_in_link

BUILD: Final = Path(".aws-sam/build")
EXAMPLES: Final = (
    "kova up --port 8080 --data /var/lib/kova",
    "KOVA_DATABASE_URL=postgresql://user@host/kova kova up",
    "KOVA_GITHUB_API_URL=https://api.github.com kova up",
    "make build && kova up --lambda",
)


FoldersOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--folder",
        exists=True,
        file_okay=False,
        resolve_path=True,
        help="A folder that the practice GitHub may make repositories of; repeatable.",
    ),
]
LambdaOption = Annotated[
    bool,
    typer.Option("--lambda", help="Run the built functions, as Lambda would, without Docker."),
]


def up(  # noqa: PLR0917 (the options of a command)
    port: PortOption = 8000,
    data_folder: Annotated[Path, typer.Option("--data", help="The folder for all data.")] = DATA,
    setup: Annotated[
        bool,
        typer.Option("--setup", help="Make a GitHub App by /setup, on the practice GitHub too."),
    ] = False,
    sample: Annotated[
        bool,
        typer.Option("--sample", help="Push a sample repository to the practice GitHub."),
    ] = False,
    folders: FoldersOption = None,
    on_lambda: LambdaOption = False,
    build: Annotated[
        Path, typer.Option("--build", help="The folder of the built functions, for --lambda.")
    ] = BUILD,
) -> None:
    """Start everything on this machine, from Postgres to the worker.

    Ctrl-C stops it. The exit code is 0 after a clean stop, 2 when a part failed or did not start.
    """
    # What is wrong with the settings is said before anything starts.
    load_settings({"KOVA_ENV": "local", **os.environ})
    build = build.resolve()
    migrate_functions = _prepare_functions(build, data_folder.resolve()) if on_lambda else None

    def migrate_database(variables: Mapping[str, str]) -> None:
        if migrate_functions is not None:
            migrate_functions(variables)
            return
        url = load_settings(variables, needed=("KOVA_DATABASE_URL",)).database_url
        migrate(require(url, "KOVA_DATABASE_URL"))

    def create_first_key(variables: Mapping[str, str]) -> str:
        return asyncio.run(create_key(variables, "local", list(Scope)))

    def make_link(variables: Mapping[str, str]) -> str:
        return asyncio.run(make_sign_in_link(variables, f"http://127.0.0.1:{port}"))

    options = StackOptions(
        data_folder=data_folder,
        port=port,
        environment=dict(os.environ),
        setup=setup,
        sample=sample,
        folders=tuple(folders or ()),
        build=build if on_lambda else None,
    )
    hooks = Hooks(
        migrate=migrate_database,
        create_key=create_first_key,
        make_link=make_link,
        announce=typer.echo,
    )
    code = start_stack(options, hooks)
    raise typer.Exit(COULD_NOT_RUN if code else 0)


def _prepare_functions(build: Path, data: Path) -> Callable[[Mapping[str, str]], None]:
    """Check the built functions before anything starts; return what migrates by them."""
    if find_spec("awslambdaric") is None:
        raise NotConfiguredError(
            "AWS's runtime client is not installed: "
            "run `make build`, or install kova-server[lambda]."
        )
    # Only here: no other command pays for it, and it needs the extra `lambda`.
    from kova_server.local_lambda.build_folder import link_runtime_client, load_build
    from kova_server.local_lambda.migration import lambda_folders, run_migrations
    from kova_server.local_lambda.variables import stack_settings, template_parameters

    stack = load_build(build, Path.cwd(), template_parameters(os.environ))

    def migrate_by_function(variables: Mapping[str, str]) -> None:
        client = link_runtime_client(data / "lambda" / "runtime")
        run_migrations(stack, stack_settings(variables), lambda_folders(build, client, data))

    return migrate_by_function
