"""The sweep at the end of a run: deliveries that nobody took come back by it alone."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg

from tests.chaos.journal import Journal
from tests.chaos.practice import DurableState, Ledger
from tests.chaos.stack import KovaStack

_PAUSE: Final = timedelta(minutes=10)
"""Longer than Kova waits before it asks for a delivery of few attempts again."""
_NOTHING: Final = "Deliveries: 0 looked at"


class Sweeper:
    """Runs `kova sweep`, and lets minutes pass in GitHub's list between two of them."""

    def __init__(
        self, state: DurableState, ledger: Ledger, journal: Journal, stack: KovaStack
    ) -> None:
        self._state = state
        self._ledger = ledger
        self._journal = journal
        self._stack = stack
        self._is_aged = False
        self._said = ""

    def sweep(self) -> None:
        """Sweep, where Kova is healthy; nothing comes of it while a killed sweep has its lease."""
        if not self._stack.is_healthy() or not (self._is_aged or self._let_minutes_pass()):
            return
        said = self._stack.sweep()
        self._is_aged = said.startswith((_NOTHING, "failed"))
        if said != self._said:
            self._journal.record("sweep", said=said, at=time.time())
            self._said = said

    def _let_minutes_pass(self) -> bool:
        """Make the mark of how far GitHub's list was swept so much older, and then the list.

        False where Postgres was killed and is not back yet.
        """
        try:
            with psycopg.connect(self._stack.settings["KOVA_DATABASE_URL"]) as connection:
                connection.execute("UPDATE sweeps SET swept_to = swept_to - %s", [_PAUSE])
        except psycopg.OperationalError:
            return False
        statements = []
        with self._state.lock:
            for delivery in self._state.deliveries:
                moment = datetime.fromisoformat(delivery["delivered_at"]) - _PAUSE
                delivery["delivered_at"] = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
                row = (delivery["id"], json.dumps(delivery))
                statements.append(("INSERT OR REPLACE INTO deliveries VALUES (?, ?)", row))
        self._ledger.write(*statements)
        return True
