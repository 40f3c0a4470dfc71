"""Kills processes at random moments."""

from __future__ import annotations

import queue
import random
import threading
import time
from typing import Final

from tests.chaos.journal import Journal
from tests.chaos.report import Progress
from tests.chaos.stack import PARTS, KovaStack

_LATEST_SECONDS: Final = 2.0
_PATIENCE_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.05


class Killer:
    """Kills, one after the other, in a thread of its own, what it is asked for."""

    def __init__(
        self,
        *,
        seed: int,
        stack: KovaStack,
        journal: Journal,
        progress: Progress,
        without: frozenset[str],
    ) -> None:
        """`without` names parts that stay alive."""
        self._seed = seed
        self._stack = stack
        self._journal = journal
        self._progress = progress
        self._parts = {part: weight for part, weight in PARTS.items() if part not in without}
        self._numbers: queue.Queue[int | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def ask(self, number: int) -> None:
        """Kill something soon; `number` counts the kills of the run."""
        self._numbers.put(number)

    def finish(self) -> None:
        """Wait until everything that was asked for is killed, and end."""
        if self._thread.is_alive():
            self._numbers.put(None)
            self._thread.join()

    def _work(self) -> None:
        while (number := self._numbers.get()) is not None:
            chance = random.Random(f"kill:{self._seed}:{number}")
            (part,) = chance.choices(list(self._parts), list(self._parts.values()))
            # The moment is the point: in mid-request, in mid-scan, or in between.
            time.sleep(chance.uniform(0, _LATEST_SECONDS))
            end = time.monotonic() + _PATIENCE_SECONDS
            while not (killed := self._stack.kill(part)) and time.monotonic() < end:
                time.sleep(_LOOK_SECONDS)
            self._journal.record("kill", number=number, part=part, done=killed, at=time.time())
            self._progress.counts["kills"] += 1
