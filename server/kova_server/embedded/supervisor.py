"""Keeps the processes of the stack alive, and stops them in order."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from kova_server.embedded.service import Child, Service, StartError, wait_ready

_LOG = logging.getLogger("kova.up")
_MAX_DEATHS: Final = 5
_LONG_LIFE: Final = 10.0
_KILLED: Final = frozenset({-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT})


class Supervisor:
    """Starts services in order, restarts the ones that die, stops them in reverse order."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.children: list[Child] = []
        self.signals = 0

    def start(self, service: Service, seconds: float = 30.0) -> None:
        """Start a service and wait at most so many seconds until it answers.

        Raises:
            StartError: it ended, or did not answer in time.
        """
        child = Child(service=service, folder=self._folder)
        self.children.append(child)
        child.start()
        wait_ready(child, seconds)

    def watch(self, each_time: Callable[[], None] = lambda: None) -> None:
        """Restart services that die, until a signal comes; call `each_time` now and then.

        Raises:
            StartError: a service keeps dying by itself.
        """
        while not self.signals:
            for child in self.children:
                if not child.is_alive:
                    self._revive(child)
            each_time()
            time.sleep(0.05)

    def _revive(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is not None:
            status = child.process.wait()
            child.process = None
            _LOG.warning("part died", extra={"part": child.service.name, "status": status})
            if now - child.started > _LONG_LIFE:
                child.deaths = 0
            if status not in _KILLED:  # A kill from outside is not its own failure.
                child.deaths += 1
            if child.deaths >= _MAX_DEATHS:
                raise StartError(f"{child.service.name} keeps dying:\n{child.tail()}")
            child.restart_at = now + (0.1 * 2**child.deaths if child.deaths else 0.0)
        if now >= child.restart_at:
            child.start()

    def stop(self) -> None:
        """Stop all services in reverse order; after a second signal without waiting for them."""
        for child in reversed(self.children):
            child.stop(hurry=self.signals > 1)

    @contextmanager
    def counting_signals(self, numbers: Sequence[signal.Signals]) -> Iterator[None]:
        """Count signals instead of ending the process."""

        def count(_number: int, _frame: FrameType | None) -> None:
            self.signals += 1

        handlers = {number: signal.signal(number, count) for number in numbers}
        try:
            yield
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
