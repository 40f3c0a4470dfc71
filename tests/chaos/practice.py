"""The practice GitHub of a run: durable, so that a run can go on, and with faults at random."""

from __future__ import annotations

import json
import pickle
import random
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Final

from kova_fakes.github.faults import Fault, Faults, Kind
from kova_fakes.github.state import RepositoryState, State

_HEAD_FACTOR: Final = 4
"""On where a branch ends most depends: these answers are faults so much more often."""
FRESH_SECONDS: Final = 10.0
"""So long after a push GitHub may not know the commit, or show the branch as it was."""
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS meta (name text PRIMARY KEY, value text);
CREATE TABLE IF NOT EXISTS repositories (id integer PRIMARY KEY, content blob);
CREATE TABLE IF NOT EXISTS deliveries (id integer PRIMARY KEY, content text);
CREATE TABLE IF NOT EXISTS outbox (id integer PRIMARY KEY, due integer, content text);
CREATE TABLE IF NOT EXISTS log (id integer PRIMARY KEY, content text);
"""


class Ledger:
    """What a run must not forget, in one SQLite file; what is committed outlives a kill."""

    def __init__(self, file: Path) -> None:
        """Open the file, or make it."""
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.executescript(_TABLES)

    def write(self, *statements: tuple[str, tuple[Any, ...]]) -> None:
        """Carry out statements together."""
        with self._lock:
            self._connection.execute("BEGIN")
            for statement, values in statements:
                self._connection.execute(statement, values)
            self._connection.execute("COMMIT")

    def read(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return rows."""
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def remember(self, name: str, value: str) -> str:
        """Return what was remembered under a name, or remember this."""
        self.write(("INSERT OR IGNORE INTO meta VALUES (?, ?)", (name, value)))
        ((stored,),) = self.read("SELECT value FROM meta WHERE name = ?", name)
        return str(stored)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


class DurableState(State):
    """A GitHub that is stored repository by repository, at each change."""

    def __init__(self, ledger: Ledger) -> None:
        """Take over what the ledger has."""
        super().__init__()
        self._ledger = ledger
        for (content,) in ledger.read("SELECT content FROM repositories"):
            repository, names = pickle.loads(content)  # noqa: S301 (our own file)
            self._repositories[repository.full_name.lower()] = repository
            self._moved |= dict.fromkeys(names, repository.id)
        for (text,) in ledger.read("SELECT content FROM deliveries ORDER BY id"):
            self.deliveries.append(json.loads(text))
        ((number,),) = ledger.read("SELECT coalesce(max(value), 0) FROM meta WHERE name = 'number'")
        self._next = int(number) or self._next

    def number(self) -> int:
        """Return a new number; it stays taken after a kill."""
        with self.lock:
            number = super().number()
            self._ledger.write(("INSERT OR REPLACE INTO meta VALUES ('number', ?)", (number,)))
            return number

    def save(self, full_name: str | None = None) -> None:
        """Store a repository that changed."""
        with self.lock:
            if full_name is None or full_name.lower() not in self._repositories:
                return
            repository = self.repository(full_name)
            names = [name for name, number in self._moved.items() if number == repository.id]
            content = pickle.dumps((repository, names))
            row = (repository.id, content)
        self._ledger.write(("INSERT OR REPLACE INTO repositories VALUES (?, ?)", row))

    def add_delivery(self, delivery: dict[str, Any]) -> None:
        """List an attempt."""
        super().add_delivery(delivery)
        self._store_delivery(delivery)

    def end_delivery(self, delivery: dict[str, Any], status_code: int, seconds: float) -> None:
        """Note its end."""
        super().end_delivery(delivery, status_code, seconds)
        self._store_delivery(delivery)

    def _store_delivery(self, delivery: dict[str, Any]) -> None:
        row = (delivery["id"], json.dumps(delivery))
        self._ledger.write(("INSERT OR REPLACE INTO deliveries VALUES (?, ?)", row))

    def by_number(self, number: int) -> RepositoryState:
        """Return a repository by GitHub's number."""
        return self.repository(str(self.name_of(number)))


_SHA: Final = re.compile(r"[0-9a-f]{40}")
_HEAD: Final = re.compile(r"/commits/heads/|/git/ref/heads/")
_ALWAYS: Final[tuple[Kind, ...]] = (
    "500", "502", "401", "403", "secondary", "slow", "late", "cut", "html",
)  # fmt: skip
FAULT_KINDS: Final[tuple[Kind, ...]] = (*_ALWAYS, "404", "422", "stale")


class RandomFaults(Faults):
    """Faults at a rate, of those kinds that GitHub could have for the request."""

    def __init__(
        self,
        seed: int,
        rate: float,
        without: Collection[str] = (),
        note: Callable[[str, str, str], None] = lambda *_: None,
    ) -> None:
        """`rate` is a share of the requests; `without` names kinds that do not happen.

        `note` is called with the kind, method and path of each fault.
        """
        super().__init__()
        self.rate = rate
        self._note = note
        self._without = frozenset(without)
        self._chance = random.Random(f"faults:{seed}")
        self._guard = threading.Lock()
        self._fresh: dict[str, float] = {}

    def note_push(self, full_name: str, sha: str) -> None:
        """From now on the commit is new."""
        now = time.monotonic()
        with self._guard:
            self._fresh |= {sha: now, full_name.lower(): now}

    def take(self, method: str, path: str) -> Fault | None:
        """Return a fault now and then."""
        with self._guard:
            is_head = method == "GET" and _HEAD.search(path) is not None
            if self._chance.random() >= self.rate * (_HEAD_FACTOR if is_head else 1):
                return None
            kinds = [kind for kind in self._possible(method, path) if kind not in self._without]
            if not kinds:
                return None
            kind = self._chance.choice(kinds)
            seconds = self._chance.uniform(0.2, 2.0)
        self._note(kind, method, path)
        if kind in {"403", "secondary"}:
            seconds = 1 + round(seconds)
        return Fault(kind=kind, method=method, path=path, seconds=seconds)

    def _possible(self, method: str, path: str) -> list[Kind]:
        kinds = list(_ALWAYS)
        sha, owner_and_name = _SHA.search(path), "/".join(path.split("/")[2:4]).lower()
        if method == "GET" and sha is not None and self._is_fresh(sha[0]):
            kinds += ["404", "422"]
        if self._is_fresh(owner_and_name):
            if method == "POST" and path.endswith("/check-runs"):
                kinds += ["422", "422"]
            if method == "GET" and _HEAD.search(path):
                kinds += ["stale"] * len(kinds)
        return kinds

    def _is_fresh(self, subject: str) -> bool:
        return time.monotonic() - self._fresh.get(subject, -1e9) < FRESH_SECONDS
