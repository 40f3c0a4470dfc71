"""The `kova` command. It imports only the module of the called command."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Final

import typer

from kova.version import VERSION
from kova_server.cli.ending import end, exit_code
from kova_server.cli.output import open_streams

# In the order of `kova --help`, each with the first sentence of its help: the list is printed
# without an import. Each module holds a function of its name, or an `app` of several commands.
COMMANDS: Final = {
    "scan": "Scan a local folder, without a server.",
    "up": "Start everything on this machine, from Postgres to the worker.",
    "serve": "Serve the API in this process.",
    "worker": "Work on the queues until SIGTERM.",
    "migrate": "Bring the database up to date.",
    "backup": "Write the whole database into a new file, while work goes on.",
    "restore": "Fill an empty database from a backup: all of it, or nothing.",
    "scans": "Look into scans: do one again step by step, or queue failed ones again.",
    "replay": "Do the work of a delivery again: its scan is queued, however it ended.",
    "sweep": "Ask GitHub again for the webhooks of the last three days that nobody took.",
    "dlq": "Look at the messages that were given up.",
    "keys": "Create, list and revoke API keys.",
    "sign-in": "Print a link that signs you in, once.",
    "github-app": "Make the GitHub App that Kova works as.",
    "slack": "Make the app of Slack that Kova speaks through.",
}


def main() -> None:
    """Run the command and end the process: 2, and one line, when it cannot do its work."""
    open_streams()
    arguments = sys.argv[1:]
    end(exit_code(lambda: _run(arguments)))


def _run(arguments: Sequence[str]) -> int | None:
    # Libraries must not log to standard error: the one line of a failure says it already.
    logging.getLogger().addHandler(logging.NullHandler())
    name = next((argument for argument in arguments if not argument.startswith("-")), None)
    app = _load_command(name) if name in COMMANDS else _list_commands()
    code: int | None = app(list(arguments) or ["--help"], prog_name="kova", standalone_mode=False)
    return code


def _load_command(name: str) -> typer.Typer:
    app = _create_app()
    module = import_module(f"kova_server.cli.{name.replace('-', '_')}")
    examples = "\n".join(f"  {example}" for example in module.EXAMPLES)
    epilog = f"\b\nExamples:\n{examples}"
    if hasattr(module, "app"):
        app.add_typer(module.app, name=name, epilog=epilog)
    else:
        app.command(name, epilog=epilog)(getattr(module, name.replace("-", "_")))
    return app


def _list_commands() -> typer.Typer:
    app = _create_app()
    for name, sentence in COMMANDS.items():
        app.command(name, help=sentence)(_unloaded_command)
    return app


def _create_app() -> typer.Typer:
    app = typer.Typer(
        name="kova",
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["--help", "-h"]},
        epilog="`kova COMMAND --help` explains a command and shows examples.",
    )
    app.callback()(_kova)
    return app


def _unloaded_command() -> None:
    """Represents a command in the list; never called."""


def _print_version(show: bool) -> None:
    if show:
        typer.echo(f"kova {VERSION}")
        raise typer.Exit


def _kova(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Code health for GitHub repositories: every fix is proved before anyone sees it."""
    del version  # Its callback has printed it.
