"""The question whether everything that is configured is there, put together."""

from __future__ import annotations

import asyncio
from functools import cached_property

from kova.bootstrap.core import Core
from kova.bootstrap.github_app import app_state_without_app, check_app
from kova.bootstrap.queues import scan_queue
from kova.setup.check_app import AppState, CheckApp
from kova.shared.check_health import CheckHealth


class HealthRoot:
    """Implements web.services.HealthServices."""

    def __init__(self, core: Core) -> None:
        self._core = core

    @cached_property
    def check_health(self) -> CheckHealth:
        """Every configured dependency; SettingsError without the database or the scan queue."""
        core, queue = self._core, scan_queue(self._core)

        async def ping_queue() -> None:
            await asyncio.to_thread(queue.ping)

        return CheckHealth({**core.pings(), "queue": ping_queue})

    @cached_property
    def _check_app(self) -> CheckApp | None:
        return check_app(self._core)

    def app_state(self) -> AppState | None:
        """Return what is known of the GitHub App, at once; None where there is none."""
        check = self._check_app
        return check.state() if check else app_state_without_app(self._core)
