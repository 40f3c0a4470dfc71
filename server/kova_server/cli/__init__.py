"""The `kova` command. Only the module of the command that is called is imported."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Final

import typer

from kova.domain.errors import KovaError

# In the order of `kova --help`. Each module holds a function, or an `app` of several commands.
_COMMANDS: Final = ("scan", "up", "serve", "worker", "migrate", "keys")


def main() -> None:
    """Run the command; an expected error is one line and exit code 2."""
    called = next((one for one in sys.argv[1:] if not one.startswith("-")), None)
    try:
        _app([called] if called in _COMMANDS else _COMMANDS)()
    except KovaError as exc:
        sys.stderr.write(f"kova: {exc.message}\n")
        raise SystemExit(2) from None


def _app(names: tuple[str, ...] | list[str]) -> typer.Typer:
    app = typer.Typer(
        name="kova",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_kova)
    for name in names:
        module = import_module(f"kova_server.cli.{name}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name)
        else:
            app.command(name)(getattr(module, name))
    return app


def _kova() -> None:
    """Code health for GitHub repositories: every fix is proved before anyone sees it."""
