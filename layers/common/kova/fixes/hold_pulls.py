"""One worker at a time changes the pull requests with a repository's fixes.

What became of them is read on GitHub and written to the fixes' rows, and the other way round: two
workers that do so side by side undo each other's work, though each of them is right.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Final

from kova.fixes.ports import PullLeases
from kova.shared.exceptions import BusyError, UnavailableError
from kova.shared.lease import renewing_lease

# Who is killed in the middle blocks the others for as long.
PULL_LEASE: Final = timedelta(seconds=15)
# Seconds. A worker that waits does nothing else; the queue waits for nothing.
_PATIENCE: Final = 30.0
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 1.0


class HoldPulls:
    """Keeps workers apart by a lease in the database."""

    def __init__(self, leases: PullLeases, *, patience: float = _PATIENCE) -> None:
        """`patience`: the seconds that a worker waits for another one."""
        self._leases = leases
        self._patience = patience

    @asynccontextmanager
    async def hold(self, repository_id: str) -> AsyncIterator[None]:
        """Hold the pull requests of a repository's fixes while the block runs.

        Raises:
            BusyError: another worker holds them, for a long time already.
            ConflictError: another worker took them over.
            UnavailableError: the database does not answer.
        """
        token = await self._take(repository_id)
        try:
            async with renewing_lease(
                lambda: self._leases.renew(repository_id, token, PULL_LEASE),
                PULL_LEASE,
                on_loss="Another worker took the pull requests over.",
            ):
                yield
        finally:
            with suppress(UnavailableError):  # It ends by itself.
                await self._leases.release(repository_id, token)

    async def _take(self, repository_id: str) -> str:
        waited, pause = 0.0, _FIRST_PAUSE
        while (token := await self._leases.take(repository_id, PULL_LEASE)) is None:
            if waited >= self._patience:
                raise BusyError
            await asyncio.sleep(pause)
            waited, pause = waited + pause, min(2 * pause, _LONGEST_PAUSE)
        return token
