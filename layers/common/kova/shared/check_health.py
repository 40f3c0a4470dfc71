"""Ask every dependency whether it answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from kova.shared.exceptions import KovaError

Ping = Callable[[], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One dependency's state; `detail` says why it is unavailable."""

    latency_ms: float
    detail: str | None = None

    @property
    def ok(self) -> bool:
        """Tell whether it answered."""
        return self.detail is None


class CheckHealth:
    """Pings all at once; callers during a ping wait for the same answer."""

    def __init__(self, pings: Mapping[str, Ping], *, timeout: float = 1.5) -> None:
        """`pings` are by name; one that takes more than `timeout` seconds has failed."""
        self._pings = pings
        self._timeout = timeout
        self._running: dict[str, asyncio.Task[Check]] = {}

    async def check(self) -> dict[str, Check]:
        """Return the checks by name.

        A ping without an answer goes on: a dependency that hangs has one caller waiting for it and
        not one for every request.
        """
        tasks = {name: self._ping(name, ping) for name, ping in self._pings.items()}
        started = time.perf_counter()
        if tasks:
            await asyncio.wait(tasks.values(), timeout=self._timeout)
        elapsed = _milliseconds(started)
        return {
            name: task.result() if task.done() else Check(latency_ms=elapsed, detail="timed_out")
            for name, task in tasks.items()
        }

    def _ping(self, name: str, ping: Ping) -> asyncio.Task[Check]:
        task = self._running.get(name)
        if task is None or task.done():
            task = self._running[name] = asyncio.create_task(_check(ping))
        return task


async def _check(ping: Ping) -> Check:
    started = time.perf_counter()
    detail = None
    try:
        await ping()
    except KovaError as exc:
        detail = exc.reason
    return Check(latency_ms=_milliseconds(started), detail=detail)


def _milliseconds(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)
