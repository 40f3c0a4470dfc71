"""`kova sweep`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from kova.bootstrap.core import Core
from kova.bootstrap.settings import load_settings
from kova.bootstrap.workers.redelivery import sweep_deliveries
from kova.intake.sweep_deliveries import Swept
from kova_server.cli.environment import DataOption, read_variables
from kova_server.cli.output import print_line

EXAMPLES: Final = ("kova sweep --data .kova",)


def sweep(data_folder: DataOption = None) -> None:
    """Ask GitHub again for the webhooks of the last three days that nobody took.

    Workers and the scheduled function do so each quarter of an hour by themselves.
    """
    swept = asyncio.run(_sweep(read_variables(data_folder)))
    print_line(
        f"Deliveries: {swept.seen} looked at, {swept.asked} asked for again,"
        f" {swept.given_up} given up."
    )


async def _sweep(variables: Mapping[str, str]) -> Swept:
    core = Core(load_settings(variables, needed=("KOVA_DATABASE_URL",)), interactive=False)
    try:
        return await sweep_deliveries(core)
    finally:
        await core.close()
