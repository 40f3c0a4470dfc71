"""`kova replay`."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

import typer

from kova_server.cli.environment import DataOption, read_variables
from kova_server.cli.output import print_line
from kova_server.cli.scans import describe_target, retry_scans

EXAMPLES: Final = ("kova replay 72d3162e-cc78-11e3-81ab-4c9367dc0958 --data .kova",)
Delivery = Annotated[
    str, typer.Argument(metavar="DELIVERY", help="GitHub's id of the delivery, a GUID.")
]


def replay(delivery: Delivery, data_folder: DataOption = None) -> None:
    """Do the work of a delivery again: its scan is queued, however it ended."""
    asyncio.run(_replay(delivery, data_folder))


async def _replay(delivery: str, data_folder: DataOption) -> None:
    async with retry_scans(read_variables(data_folder)) as scans:
        scan_id, target = await scans.replay(delivery)
    print_line(f"queued again: {scan_id} {describe_target(target)}")
