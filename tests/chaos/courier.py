"""Sends what GitHub has to send: some of it twice, late, or not at all."""

from __future__ import annotations

import contextlib
import random
import threading
from collections import Counter
from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import httpx

from kova_fakes.github import FakeGitHub, webhooks
from tests.chaos.outgoing import Outgoing, decode_outgoing
from tests.chaos.practice import Ledger

RATES: Final = {"reordered": 0.1, "doubled": 0.1, "lost": 0.02}
"""Shares of the deliveries. A reordered one comes after later ones, a lost one meets no Kova."""
_NEVER: Final = -1
_NOWHERE: Final = "http://127.0.0.1:9/webhooks/github"
_MOST_LATE_STEPS: Final = 30
_THREADS: Final = 4


class Courier:
    """Takes deliveries into the ledger, and sends those that are due."""

    def __init__(
        self, *, seed: int, ledger: Ledger, github: FakeGitHub, without: Collection[str] = ()
    ) -> None:
        """`without` may name doubled, reordered, lost."""
        self.url = ""
        self._seed = seed
        self._ledger = ledger
        self._github = github
        self._without = without
        self._pool = ThreadPoolExecutor(_THREADS)
        self._sending: dict[int, Future[None]] = {}
        self._lock = threading.Lock()

    def plan(
        self, step: str, number: int, outgoing: list[Outgoing]
    ) -> tuple[list[tuple[str, tuple[Any, ...]]], Counter[str]]:
        """Return the statements that put a step's deliveries into the ledger, and what happens.

        `step` is drawn from, `number` is the step from which on they are due.
        """
        chance = random.Random(f"courier:{self._seed}:{step}")
        statements: list[tuple[str, tuple[Any, ...]]] = []
        counts: Counter[str] = Counter(sent=sum(not delivery.asked for delivery in outgoing))
        for delivery in outgoing:
            happens = {
                kind: chance.random() < rate and kind not in self._without
                for kind, rate in RATES.items()
            }
            counts.update(happens)
            due = [number + happens["reordered"] * chance.randint(2, _MOST_LATE_STEPS)]
            if happens["doubled"]:
                due.append(due[0] + chance.randint(0, 5))
            if happens["lost"]:
                due = [_NEVER]
            statements += [
                (
                    "INSERT INTO outbox (due, content) VALUES (?, ?)",
                    (moment, delivery.encode()),
                )
                for moment in due
            ]
        return statements, counts

    def send_due(self, step: int) -> None:
        """Begin to send what is due at a step, in the order in which it came."""
        rows = self._ledger.read(
            "SELECT id, due, content FROM outbox WHERE due <= ? ORDER BY id", step
        )
        for number, due, content in rows:
            with self._lock:
                if number in self._sending:
                    continue
                self._sending[number] = self._pool.submit(self._send, number, due, content)

    def wait(self) -> None:
        """Wait until everything that was begun is sent, or nobody answered."""
        with self._lock:
            futures = list(self._sending.values())
        for future in futures:
            future.result()

    @property
    def waiting(self) -> int:
        """How many deliveries are on their way."""
        with self._lock:
            return len(self._sending)

    def close(self) -> None:
        """Wait for what is on its way."""
        self._pool.shutdown()

    def _send(self, number: int, due: int, content: str) -> None:
        delivery = decode_outgoing(content)
        url = _NOWHERE if due == _NEVER else self.url
        with contextlib.suppress(httpx.TransportError):
            webhooks.deliver(
                self._github.context,
                url,
                delivery.event,
                dict(delivery.payload),
                guid=delivery.guid,
            )
        self._ledger.write(("DELETE FROM outbox WHERE id = ?", (number,)))
        with self._lock:
            self._sending.pop(number, None)
