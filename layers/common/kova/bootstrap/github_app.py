"""The check of Kova's GitHub App, put together."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from kova.bootstrap.core import Core, Resource
from kova.setup.check_app import AppState, AppStatus, CheckApp
from kova.setup.ports import AppDirectory

if TYPE_CHECKING:
    from kova.adapters.github.app import GitHubAppDirectory
    from kova.setup.app_description import AppDescription


class LazyAppDirectory(AppDirectory):
    """Implements setup.ports.AppDirectory; what it needs is loaded when GitHub is asked.

    /health starts without it, and does not wait for it.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._directory: GitHubAppDirectory | None = None

    async def describe(self) -> AppDescription:
        """Ask GitHub."""
        if self._directory is None:
            self._directory = await asyncio.to_thread(self._build)
        return await self._directory.describe()

    def _build(self) -> GitHubAppDirectory:
        from kova.adapters.github.app import GitHubAppDirectory
        from kova.adapters.github.auth import AppTokens

        settings = self._core.settings
        assert settings.github_app_id is not None
        assert settings.github_private_key is not None
        tokens = AppTokens(app_id=settings.github_app_id, private_key=settings.github_private_key)
        return GitHubAppDirectory(
            base_url=settings.github_api_url, tokens=tokens, http=self._core.http
        )


def check_app(core: Core) -> CheckApp | None:
    """Return the check of the App; None where Kova is no App."""
    if core.settings.github_token or not core.settings.github_app_id:
        return None
    check = CheckApp(LazyAppDirectory(core), clock=time.monotonic)
    core.register(Resource(name="github_app", close=check.close))
    return check


def app_state_without_app(core: Core) -> AppState | None:
    """Return the state of a Kova that is no App: its setup is open, or nothing is to be said."""
    settings = core.settings
    if settings.github_token or settings.github_app_id or not settings.setup.token:
        return None
    return AppState(status=AppStatus.NOT_CONFIGURED)
