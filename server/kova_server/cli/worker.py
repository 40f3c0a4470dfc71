"""`kova worker`."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from typing import Final

from kova.bootstrap.settings import Settings
from kova.web.logs import configure_logging
from kova_server.cli.environment import DataOption, read_variables
from kova_server.restart import Watch, restart, wait_for_app, waits_for_app, watch_credentials
from kova_server.startup import require_schema
from kova_server.worker import NEEDED, NEEDED_IN_PRODUCTION, load_settings, run_worker

EXAMPLES: Final = ("kova worker --data .kova",)


def worker(data_folder: DataOption = None) -> None:
    """Work on the queues until SIGTERM. Running jobs are finished first."""
    original = dict(os.environ)
    variables = read_variables(data_folder)
    load = partial(load_settings, needed=NEEDED, needed_in_production=NEEDED_IN_PRODUCTION)
    watch = watch_credentials(variables, load)
    configure_logging(variables.get("KOVA_LOG_LEVEL", ""))
    settings = load(variables)
    if waits_for_app(variables, settings):
        wait_for_app(watch)
    else:
        asyncio.run(_run(settings, watch))
    if watch.has_changed():
        restart(original)


async def _run(settings: Settings, watch: Watch) -> None:
    await require_schema(settings)
    await run_worker(settings, ends=watch.has_changed)
