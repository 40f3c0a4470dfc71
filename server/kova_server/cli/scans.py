"""`kova scans`."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from kova.bootstrap.core import Core
from kova.bootstrap.queues import scan_queue
from kova.bootstrap.scans import ScanRoot
from kova.bootstrap.settings import load_settings
from kova.bootstrap.workers.scan_job import replay_scan
from kova.scans.retry_scans import RetryScans
from kova.scans.scan import ScanTarget
from kova.shared.exceptions import InvalidInputError
from kova.shared.markdown import plural
from kova_server.cli.environment import DataOption, read_variables
from kova_server.cli.output import print_line

EXAMPLES: Final = (
    "kova scans replay 0b6c3f0e-6f3c-4a0e-9c0e-0a6f6a1f2b3c --data .kova",
    "kova scans retry 0b6c3f0e-6f3c-4a0e-9c0e-0a6f6a1f2b3c --data .kova",
    "kova scans retry --repository octo/sample --since 2026-11-30T08:00:00Z --data .kova",
)
app = typer.Typer(help="Look into scans, and retry failed ones.", no_args_is_help=True)
ScanId = Annotated[str, typer.Argument(metavar="SCAN_ID", help="The id, as /api/scans lists it.")]


@app.callback()
def scans() -> None:
    """Look into scans: do one again step by step, or queue failed ones again."""


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


@app.command()
def retry(
    scan_ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SCAN_ID]...", help="The ids, as /api/scans lists them."),
    ] = None,
    *,
    repository: Annotated[
        str | None, typer.Option("--repository", help="owner/name: all of its failed scans.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", help="All that failed since a moment, such as 2026-11-30T08:00Z."),
    ] = None,
    data_folder: DataOption = None,
) -> None:
    """Queue failed scans again: some by their ids, a repository's, or all since a moment."""
    if bool(scan_ids) == bool(repository or since):
        raise InvalidInputError("Name scans by their ids, or by --repository and --since.")
    moment = _moment(since) if since else None
    asyncio.run(_retry(read_variables(data_folder), scan_ids or [], repository, moment))


async def _retry(
    variables: Mapping[str, str],
    scan_ids: Sequence[str],
    repository: str | None,
    since: datetime | None,
) -> None:
    number = 0
    async with retry_scans(variables) as scans:
        for scan_id in scan_ids:
            target = await scans.retry(scan_id)
            number += 1
            print_line(f"queued again: {scan_id} {describe_target(target)}")
        if not scan_ids:
            async for scan_id, target in scans.retry_failed(repository, since):
                number += 1
                print_line(f"queued again: {scan_id} {describe_target(target)}")
    print_line(f"{plural(number, 'scan')} queued again.")


@asynccontextmanager
async def retry_scans(variables: Mapping[str, str]) -> AsyncIterator[RetryScans]:
    """Lend the use case over a core of its own.

    Raises:
        SettingsError: the database or the scan queue is not configured.
    """
    settings = load_settings(variables, needed=("KOVA_DATABASE_URL", "KOVA_SCAN_QUEUE_URL"))
    core = Core(settings, interactive=False)
    try:
        stores = ScanRoot(core).stores
        yield RetryScans(
            recovery=stores.recovery, deliveries=stores.deliveries, queue=scan_queue(core)
        )
    finally:
        await core.close()


def describe_target(target: ScanTarget) -> str:
    """Return what a scan is about, in a line."""
    about = f"pull request {target.pull_request}" if target.pull_request else target.ref
    return " ".join(filter(None, (target.repository, about, target.commit_sha)))


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise InvalidInputError("--since is a moment such as 2026-11-30T08:00:00Z.") from exc
    return moment if moment.tzinfo else moment.astimezone()
