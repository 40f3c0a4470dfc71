"""Which scans may run side by side in a worker: all but those that may have killed one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class WorkerSlots:
    """Lets scans run side by side, or one alone. Who wants to be alone is not overtaken."""

    def __init__(self) -> None:
        self._condition = asyncio.Condition()
        self._running = 0
        self._is_alone = False
        self._waiting = 0

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        """Wait until nothing runs alone or waits for that; then run beside the others."""
        async with self._condition:
            await self._condition.wait_for(lambda: not self._is_alone and not self._waiting)
            self._running += 1
        try:
            yield
        finally:
            async with self._condition:
                self._running -= 1
                self._condition.notify_all()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Wait until nothing else runs, and let nothing begin meanwhile."""
        async with self._condition:
            self._waiting += 1
            try:
                await self._condition.wait_for(lambda: not self._is_alone and not self._running)
                self._is_alone = True
            finally:
                self._waiting -= 1
                self._condition.notify_all()
        try:
            yield
        finally:
            async with self._condition:
                self._is_alone = False
                self._condition.notify_all()
