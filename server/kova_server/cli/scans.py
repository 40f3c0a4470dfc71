"""`kova scans`."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from kova.bootstrap.core import Core
from kova.bootstrap.scans import ScanRoot
from kova.bootstrap.settings import load_settings
from kova.bootstrap.workers.scan_job import replay_scan
from kova_server.cli.environment import DataOption, read_variables
from kova_server.cli.output import print_line

EXAMPLES: Final = ("kova scans replay 0b6c3f0e-6f3c-4a0e-9c0e-0a6f6a1f2b3c --data .kova",)
app = typer.Typer(help="Look into scans.", no_args_is_help=True)
ScanId = Annotated[str, typer.Argument(metavar="SCAN_ID", help="The id, as /api/scans lists it.")]


@app.callback()
def scans() -> None:
    """Look into scans: do one again step by step."""


@app.command()
def replay(
    scan_id: ScanId,
    full: Annotated[
        bool, typer.Option("--full", help="Analyse also what was analysed before.")
    ] = False,
    data_folder: DataOption = None,
) -> None:
    """Do a scan again and print what each step sees. Nothing is written or published."""
    asyncio.run(_replay(read_variables(data_folder), scan_id, full=full))


async def _replay(variables: Mapping[str, str], scan_id: str, *, full: bool) -> None:
    core = Core(load_settings(variables, needed=("KOVA_DATABASE_URL",)), interactive=False)
    try:
        job = replay_scan(core, ScanRoot(core))
        with tempfile.TemporaryDirectory(prefix="kova-") as name:
            async for step in job.replay(scan_id, Path(name), full=full):
                print_line(step.name)
                for line in step.lines:
                    print_line(f"  {line}")
    finally:
        await core.close()
