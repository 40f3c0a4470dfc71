"""The sweep of deliveries, put together: a task of the worker and of functions/redelivery."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from kova.adapters.postgres.deliveries import PostgresDeliveryStore
from kova.adapters.postgres.repositories import PostgresRepositoryStore
from kova.adapters.postgres.sweeps import PostgresSweepStore
from kova.bootstrap.core import Core, now
from kova.intake.sweep_deliveries import SweepDeliveries, Swept
from kova.shared.page import PageRequest
from kova.shared.periodic_tasks import PeriodicTask, PeriodicTasks
from kova.shared.reach import EVERYTHING

if TYPE_CHECKING:
    from kova.intake.ports import DeliveryLog

INTERVAL: Final = 15 * 60.0
# A worker that restarts again and again is no reason to ask GitHub each time.
_FIRST_AFTER: Final = 60.0
_MOST_REPOSITORIES: Final = 500


async def sweep_deliveries(core: Core) -> Swept:
    """Sweep once; nothing is done where GitHub is not configured.

    Raises:
        UnavailableError: GitHub or the database does not answer.
    """
    log = await _delivery_log(core)
    if log is None:
        return Swept()
    sweep = SweepDeliveries(
        log=log,
        sweeps=PostgresSweepStore(core.database),
        handled=PostgresDeliveryStore(core.database),
        meter=core.meter,
        now=now,
    )
    return await sweep.sweep()


def redelivery_tasks(core: Core, *, first_after: float = _FIRST_AFTER) -> PeriodicTasks:
    """Return the sweep as a task; `first_after` is in seconds."""

    async def sweep() -> int:
        return (await sweep_deliveries(core)).asked

    tasks: dict[str, PeriodicTask] = {"ask for failed deliveries again": sweep}
    return PeriodicTasks(tasks, clock=time.monotonic, interval=INTERVAL, first_after=first_after)


async def _delivery_log(core: Core) -> DeliveryLog | None:
    from kova.adapters.github.auth import AppTokens, FixedToken
    from kova.adapters.github.deliveries import AppDeliveries, HookDeliveries

    settings = core.settings
    if settings.github_token:
        return HookDeliveries(
            base_url=settings.github_api_url,
            token=FixedToken(settings.github_token),
            repositories=await _list_repositories(core),
            http=core.http,
        )
    if settings.github_app_id and settings.github_private_key:
        tokens = AppTokens(app_id=settings.github_app_id, private_key=settings.github_private_key)
        return AppDeliveries(base_url=settings.github_api_url, tokens=tokens, http=core.http)
    return None


async def _list_repositories(core: Core) -> Sequence[str]:
    """Return the watched repositories' names, at most 500 of them."""
    store, names = PostgresRepositoryStore(core.database), list[str]()
    request: PageRequest | None = PageRequest(limit=100)
    while request is not None and len(names) < _MOST_REPOSITORIES:
        page = await store.page(request, EVERYTHING)
        # A name with # was given up to another repository.
        names += [row.full_name for row in page.items if "#" not in row.full_name]
        request = PageRequest(limit=100, after=page.next) if page.next else None
    return names
