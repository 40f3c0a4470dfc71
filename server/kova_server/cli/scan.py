"""`kova scan PATH`."""

from __future__ import annotations

import enum
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from kova.domain.errors import InvalidInputError
from kova.domain.finding import Severity
from kova.domain.kova_toml import BYTES_LIMIT, parse_settings
from kova.domain.repository_settings import FILE_NAME, RepositorySettings
from kova_server.cli.output import console
from kova_server.local.render import as_json, as_sarif, print_table
from kova_server.local.scan import LocalOptions, LocalScan, scan_folder


class Format(enum.StrEnum):
    """How the result is shown."""

    TABLE = "table"
    JSON = "json"
    SARIF = "sarif"


def scan(  # noqa: PLR0917 (Typer reads them as options)
    path: Annotated[Path, typer.Argument(help="The folder to scan.")],
    form: Annotated[
        Format, typer.Option("--format", help="How to show the result.")
    ] = Format.TABLE,
    fix: Annotated[bool, typer.Option("--fix", help="Propose and prove fixes.")] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Write the proved fixes.")] = False,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="Prove and show unsafe fixes too; never written.")
    ] = False,
    sarif: Annotated[
        list[Path] | None,
        typer.Option("--sarif", help="Add the results of another tool from its SARIF file."),
    ] = None,
    settings: Annotated[
        Path | None,
        typer.Option("--settings", help="Choose paths and rules as this `.kova.toml` says."),
    ] = None,
    fail_on: Annotated[
        Severity | None,
        typer.Option("--fail-on", help="The mildest severity that fails the command."),
    ] = None,
) -> None:
    """Scan a local folder, without a server. Exit 0 clean, 1 errors found, 2 could not run."""
    if not path.is_dir():
        raise InvalidInputError(f"{path} is not a folder.")
    chosen = RepositorySettings() if settings is None else _read(settings)
    options = LocalOptions(
        fix=fix, apply=apply, unsafe=unsafe, sarif=tuple(sarif or ()), settings=chosen
    )
    errors = Console(stderr=True)
    try:
        if errors.is_terminal:
            with errors.status("starting") as status:
                result = scan_folder(path, options, status.update)
        else:
            result = scan_folder(path, options)
    except OSError as exc:
        raise InvalidInputError(f"{exc.filename or path}: {exc.strerror}.") from exc
    _show(result, form)
    if form is Format.TABLE and settings is None and (path / FILE_NAME).is_file():
        console().print(f"{FILE_NAME} was not read: --settings names it.", style="dim")
    failing = [
        one
        for one in result.remaining
        if one.severity.at_least(fail_on or chosen.fail_on(one.path, Severity.LOW))
    ]
    raise typer.Exit(1 if failing else 0)


def _read(file: Path) -> RepositorySettings:
    try:
        with file.open("rb") as opened:
            settings = parse_settings(opened.read(BYTES_LIMIT + 1))
    except OSError as exc:
        raise InvalidInputError(f"{file}: {exc.strerror}.") from exc
    if settings.problems:
        raise InvalidInputError(f"{file}: {' '.join(settings.problems)}")
    return settings


def _show(result: LocalScan, form: Format) -> None:
    if form is Format.TABLE:
        print_table(result, console())
        return
    sys.stdout.write((as_json if form is Format.JSON else as_sarif)(result) + "\n")
