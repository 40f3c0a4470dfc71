"""The `kova` command."""

from __future__ import annotations

import sys

import typer

from kova.domain.errors import KovaError
from kova_server.cli import database, scan, service

app = typer.Typer(
    name="kova",
    help="Code health for GitHub repositories: every fix is proved before anyone sees it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(scan.scan)
app.command()(service.up)
app.command()(service.serve)
app.command()(service.worker)
app.command()(database.migrate)
app.add_typer(database.keys, name="keys")


def main() -> None:
    """Run the command; an expected error is one line and exit code 2."""
    try:
        app()
    except KovaError as exc:
        sys.stderr.write(f"kova: {exc.message}\n")
        raise SystemExit(2) from None
