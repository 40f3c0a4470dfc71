"""`kova backup`."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

from kova.bootstrap.settings import load_settings, require
from kova.shared.exceptions import KovaError
from kova_server.backup import BackupError, back_up, check_age
from kova_server.cli.environment import DataOption, read_variables

EXAMPLES: Final = (
    "kova backup backups --data .kova",
    "kova backup /var/backups/kova --keep 30",
    "kova backup /var/backups/kova --every 24",
    "kova backup /var/backups/kova --every 24 --check",
)
_DAY_HOURS: Final = 24.0
_RETRY_SECONDS: Final = 300.0
_HOUR_SECONDS: Final = 3_600.0


def backup(
    folder: Annotated[Path, typer.Argument(help="The folder that gets the file.")],
    *,
    keep: Annotated[
        int, typer.Option("--keep", min=1, help="How many backups stay in the folder.")
    ] = 7,
    every: Annotated[
        float | None,
        typer.Option("--every", min=0.01, help="Stay, and make one every so many hours."),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Make none; fail if the newest is older than twice --every or unreadable.",
        ),
    ] = False,
    data_folder: DataOption = None,
) -> None:
    """Write the whole database into a new file, while work goes on."""
    if check:
        typer.echo(check_age(folder, 2 * (every or _DAY_HOURS)))
        return
    url = require(load_settings(read_variables(data_folder)).database_url, "KOVA_DATABASE_URL")
    if every is None:
        signal.signal(signal.SIGTERM, _end)
        _back_up_once(url, folder, keep)
    else:
        _back_up_every(url, folder, keep, every * _HOUR_SECONDS)


def _end(*_: object) -> NoReturn:
    """End pg_dump and remove its file, on the way out."""
    raise BackupError("The backup was ended by SIGTERM; it has left no file.")


def _back_up_once(url: str, folder: Path, keep: int) -> None:
    result = back_up(url, folder, keep)
    typer.echo(f"{result.file} ({result.size:,} bytes)")
    for file in result.removed:
        typer.echo(f"removed {file}")


def _back_up_every(url: str, folder: Path, keep: int, seconds: float) -> None:
    """Make backups until SIGTERM; after a failure the next one is tried in five minutes."""
    end = threading.Event()
    # The first process of a container ends by no signal that it does not handle.
    signal.signal(signal.SIGTERM, lambda *_: end.set())
    while not end.is_set():
        pause = seconds
        try:
            _back_up_once(url, folder, keep)
        except (KovaError, OSError) as exc:
            pause = min(seconds, _RETRY_SECONDS)
            typer.echo(
                f"kova: {str(exc).removesuffix('.')}. It is tried again in {pause:.0f} s.", err=True
            )
        end.wait(pause)
