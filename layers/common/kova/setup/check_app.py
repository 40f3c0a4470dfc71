"""Check that Kova's GitHub App has the permissions and events that Kova needs."""

from __future__ import annotations

import asyncio
import enum
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from kova.setup.app_needs import missing_events, missing_permissions
from kova.setup.ports import AppDirectory
from kova.shared.exceptions import KovaError

_LOG = logging.getLogger("kova.setup")
FRESH_SECONDS: Final = 600.0
"""How long an answer of GitHub is used."""
RETRY_SECONDS: Final = 30.0


class AppStatus(enum.StrEnum):
    """What is known about the App."""

    COMPLETE = "ok"
    INCOMPLETE = "incomplete"
    UNKNOWN = "unknown"
    NOT_CONFIGURED = "not_configured"


@dataclass(frozen=True, kw_only=True)
class AppState:
    """The App's status, and what it lacks (`checks: write`) or why it is unknown."""

    status: AppStatus
    permissions: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    reason: str | None = None

    @property
    def detail(self) -> str | None:
        """What to do about it, in a sentence; None where nothing is to be done."""
        if self.status is AppStatus.NOT_CONFIGURED:
            return "open /setup with the link that was printed at the start"
        if self.status is AppStatus.UNKNOWN:
            return f"GitHub was not asked successfully yet: {self.reason or 'asking'}"
        lacks = [f"permission {name}" for name in self.permissions]
        lacks += [f"event {name}" for name in self.events]
        return f"the GitHub App lacks {', '.join(lacks)}" if lacks else None


class CheckApp:
    """Asks GitHub now and then; whoever asks for the state does not wait for GitHub."""

    def __init__(self, directory: AppDirectory, *, clock: Callable[[], float]) -> None:
        """`clock` returns seconds on a clock that only grows."""
        self._directory = directory
        self._clock = clock
        self._state = AppState(status=AppStatus.UNKNOWN)
        self._next = 0.0
        self._running: asyncio.Task[AppState] | None = None

    def state(self) -> AppState:
        """Return what is known now, and ask GitHub in the background where that is old."""
        if self._clock() >= self._next and (self._running is None or self._running.done()):
            self._running = asyncio.create_task(self.check())
        return self._state

    async def check(self) -> AppState:
        """Ask GitHub, log what lacks, and return the state."""
        # Until it has answered nobody else asks; a failure is tried again sooner.
        self._next = self._clock() + RETRY_SECONDS
        try:
            app = await self._directory.describe()
        except KovaError as exc:
            self._state = AppState(status=AppStatus.UNKNOWN, reason=exc.reason)
            _LOG.warning("GitHub App not checked", extra={"reason": exc.reason})
            return self._state
        self._next = self._clock() + FRESH_SECONDS
        permissions, events = missing_permissions(app.permissions), missing_events(app.events)
        complete = not permissions and not events
        self._state = AppState(
            status=AppStatus.COMPLETE if complete else AppStatus.INCOMPLETE,
            permissions=permissions,
            events=events,
        )
        if not complete:
            _LOG.warning("GitHub App incomplete", extra={"detail": self._state.detail})
        return self._state

    async def close(self) -> None:
        """End a question that is still open."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
