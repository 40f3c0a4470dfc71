"""Queues and messages in SQLite: an accepted message survives the kill of the process."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS queues (name TEXT PRIMARY KEY, attributes TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS messages (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    queue TEXT NOT NULL REFERENCES queues ON DELETE CASCADE,
    body TEXT NOT NULL,
    attributes TEXT NOT NULL,
    system TEXT NOT NULL,
    sent REAL NOT NULL,
    visible REAL NOT NULL,
    received INTEGER NOT NULL DEFAULT 0,
    first_received REAL,
    receipt TEXT,
    source TEXT,
    message_group TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS messages_next ON messages (queue, visible, sequence);
CREATE INDEX IF NOT EXISTS messages_received ON messages (queue, received);
CREATE INDEX IF NOT EXISTS messages_receipt ON messages (receipt);
"""
_MOMENT: Final = 0.000_01
_ADD_GROUP: Final = "ALTER TABLE messages ADD COLUMN message_group TEXT NOT NULL DEFAULT ''"
_INDEX_GROUP: Final = """
CREATE INDEX IF NOT EXISTS messages_group ON messages (queue, message_group, visible, sequence)"""

# The groups of a queue by steps through the index, which a backlog of one group does not lengthen;
# of each, how many messages are in flight and which one has been visible longest.
_GROUPS: Final = """
WITH RECURSIVE groups (name) AS (
    SELECT min(message_group) FROM messages WHERE queue = :queue
    UNION ALL
    SELECT (SELECT min(message_group) FROM messages
        WHERE queue = :queue AND message_group > groups.name)
    FROM groups WHERE groups.name IS NOT NULL
)
SELECT name,
    (SELECT count(*) FROM messages WHERE queue = :queue AND message_group = name
        AND visible > :now AND received > 0) AS in_flight,
    (SELECT sequence FROM messages WHERE queue = :queue AND message_group = name
        AND visible <= :now ORDER BY visible, sequence LIMIT 1) AS oldest
FROM groups WHERE name IS NOT NULL AND oldest IS NOT NULL"""


@dataclass(frozen=True, kw_only=True)
class StoredMessage:
    """One message as a receiver gets it."""

    id: str
    body: str
    attributes: dict[str, Any]
    system: dict[str, str]
    receipt: str


class Store:
    """All queues of one data folder. Thread-safe; a write is on disk when its method returns."""

    def __init__(self, folder: Path) -> None:
        """Open the database of a folder; create it if it does not exist."""
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(
            folder / "sqs.sqlite3", isolation_level=None, check_same_thread=False
        )
        self._connection.execute("PRAGMA journal_mode = WAL")
        # FULL: an accepted message survives a power failure.
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("PRAGMA foreign_keys = ON")
        self._connection.executescript(_SCHEMA)
        columns = self._connection.execute("SELECT name FROM pragma_table_info('messages')")
        if ("message_group",) not in columns.fetchall():
            self._connection.execute(_ADD_GROUP)  # A folder of an earlier release.
        self._connection.execute(_INDEX_GROUP)
        self._turns: dict[tuple[str, str], int] = {}
        self._turn = 0

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()

    def attributes(self, queue: str) -> dict[str, str] | None:
        """Return a queue's attributes; None if there is no such queue."""
        with self._transaction() as db:
            row = db.execute("SELECT attributes FROM queues WHERE name = ?", (queue,)).fetchone()
        return json.loads(row[0]) if row else None

    def save_queue(self, queue: str, attributes: dict[str, str]) -> None:
        """Create a queue or replace its attributes."""
        with self._transaction() as db:
            db.execute(
                "INSERT INTO queues VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET attributes = excluded.attributes",
                (queue, json.dumps(attributes)),
            )

    def delete_queue(self, queue: str) -> None:
        """Delete a queue and its messages."""
        with self._transaction() as db:
            db.execute("DELETE FROM queues WHERE name = ?", (queue,))

    def queues(self) -> dict[str, dict[str, str]]:
        """Return every queue with its attributes."""
        with self._transaction() as db:
            rows = db.execute("SELECT name, attributes FROM queues ORDER BY name").fetchall()
        return {name: json.loads(text) for name, text in rows}

    def send(
        self,
        queue: str,
        body: str,
        *,
        attributes: dict[str, Any],
        system: dict[str, str],
        delay: float,
    ) -> str:
        """Store a message and return its id."""
        identifier, now = str(uuid.uuid4()), time.time()
        with self._transaction() as db:
            db.execute(
                "INSERT INTO messages (id, queue, body, attributes, system, sent, visible,"
                " message_group) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(identifier, queue, body, json.dumps(attributes), json.dumps(system)),
                    *(now, now + delay, system.get("MessageGroupId", "")),
                ),
            )
        return identifier

    def receive(
        self, queue: str, limit: int, visibility: float
    ) -> tuple[list[StoredMessage], str | None]:
        """Return messages of the groups that have fewest in flight, and hide them from others.

        Of groups with as many the one goes first that was served longest ago, and of a group's
        messages the one that has been visible longest: as SQS's fair queues do, a busy group does
        not keep the others waiting. Messages without a group are one group.

        Messages that were received too often move to the dead-letter queue first.

        Returns:
            The messages, and the dead-letter queue if messages moved there.
        """
        now = time.time()
        with self._transaction() as db:
            dead = self._move_dead(db, queue, now)
            messages: list[StoredMessage] = []
            while len(messages) < limit:
                sequence = self._next(db, queue, now)
                if sequence is None:
                    break
                messages.append(self._hand_out(db, sequence, now, visibility))
            return messages, dead

    def _next(self, db: sqlite3.Connection, queue: str, now: float) -> int | None:
        """Return which message is next, and count the turn of its group; None: there is none."""
        groups = db.execute(_GROUPS, {"queue": queue, "now": now}).fetchall()
        if not groups:
            return None
        turns = {(queue, name): self._turns.get((queue, name), 0) for name, _, _ in groups}
        name, _, sequence = min(
            groups, key=lambda group: (group[1], turns[queue, group[0]], group[2])
        )
        self._turn += 1
        turns[queue, name] = self._turn
        # A group that has nothing to receive is forgotten, and goes first when it comes back.
        others = {key: turn for key, turn in self._turns.items() if key[0] != queue}
        self._turns = others | turns
        return int(sequence)

    def _hand_out(
        self, db: sqlite3.Connection, sequence: int, now: float, visibility: float
    ) -> StoredMessage:
        identifier, body, attributes, system, sent, received, first = db.execute(
            "SELECT id, body, attributes, system, sent, received, first_received"
            " FROM messages WHERE sequence = ?",
            (sequence,),
        ).fetchone()
        receipt = str(uuid.uuid4())
        db.execute(
            "UPDATE messages SET visible = ?, received = received + 1, receipt = ?,"
            " first_received = coalesce(first_received, ?) WHERE sequence = ?",
            # A call returns a message once, also one that is not to be hidden.
            (now + max(visibility, _MOMENT), receipt, now, sequence),
        )
        return StoredMessage(
            id=identifier,
            body=body,
            attributes=json.loads(attributes),
            system={
                **json.loads(system),
                "SentTimestamp": str(round(sent * 1000)),
                "ApproximateReceiveCount": str(received + 1),
                "ApproximateFirstReceiveTimestamp": str(round((first or now) * 1000)),
            },
            receipt=receipt,
        )

    @staticmethod
    def _move_dead(db: sqlite3.Connection, queue: str, now: float) -> str | None:
        row = db.execute("SELECT attributes FROM queues WHERE name = ?", (queue,)).fetchone()
        policy = json.loads(json.loads(row[0]).get("RedrivePolicy", "{}")) if row else {}
        if not policy:
            return None
        target: str = policy["deadLetterTargetArn"].rsplit(":", 1)[1]
        # INDEXED BY: without statistics SQLite would scan all visible messages.
        moved = db.execute(
            "UPDATE messages INDEXED BY messages_received"
            " SET queue = ?, source = ?, received = 0, receipt = NULL"
            " WHERE queue = ? AND received >= ? AND visible <= ?",
            (target, queue, queue, int(policy["maxReceiveCount"]), now),
        )
        return target if moved.rowcount else None

    def delete(self, queue: str, receipt: str) -> None:
        """Delete a message by its last receipt; an older receipt deletes nothing."""
        with self._transaction() as db:
            db.execute("DELETE FROM messages WHERE queue = ? AND receipt = ?", (queue, receipt))

    def hide(self, queue: str, receipt: str, seconds: float) -> bool:
        """Hide a message for so many seconds; False if the receipt is not its last one."""
        with self._transaction() as db:
            cursor = db.execute(
                "UPDATE messages SET visible = ? WHERE queue = ? AND receipt = ?",
                (time.time() + seconds, queue, receipt),
            )
            return cursor.rowcount == 1

    def purge(self, queue: str) -> None:
        """Delete every message of a queue."""
        with self._transaction() as db:
            db.execute("DELETE FROM messages WHERE queue = ?", (queue,))

    def move(self, dead: str, target: str | None) -> tuple[int, set[str]]:
        """Move every message out of a dead-letter queue, as if newly sent.

        Args:
            dead: the queue to empty.
            target: the queue to move to; None for the queue that each message came from. Messages
                that were sent to the dead-letter queue directly stay there.

        Returns:
            How many messages moved, and to which queues.
        """
        values = {"dead": dead, "target": target, "now": time.time()}
        with self._transaction() as db:
            names = "SELECT name FROM queues"
            where = f"queue = :dead AND coalesce(:target, source) IN ({names})"
            rows = db.execute(
                f"SELECT DISTINCT coalesce(:target, source) FROM messages WHERE {where}",  # noqa: S608
                values,
            ).fetchall()
            moved = db.execute(
                "UPDATE messages SET queue = coalesce(:target, source), source = NULL,"  # noqa: S608
                " sent = :now, visible = :now, received = 0, first_received = NULL,"
                f" receipt = NULL WHERE {where}",
                values,
            )
            return moved.rowcount, {row[0] for row in rows}

    def counts(self, queue: str) -> tuple[int, int, int]:
        """Return how many messages are visible, in flight, and delayed."""
        with self._transaction() as db:
            row = db.execute(
                "SELECT count(*) FILTER (WHERE visible <= :now),"
                " count(*) FILTER (WHERE visible > :now AND received > 0),"
                " count(*) FILTER (WHERE visible > :now AND received = 0)"
                " FROM messages WHERE queue = :queue",
                {"now": time.time(), "queue": queue},
            ).fetchone()
        return int(row[0]), int(row[1]), int(row[2])

    def next_visible(self, queue: str) -> float | None:
        """Return when the next message becomes visible, as Unix time; None for an empty queue."""
        with self._transaction() as db:
            row = db.execute(
                "SELECT min(visible) FROM messages WHERE queue = ?", (queue,)
            ).fetchone()
        return float(row[0]) if row[0] is not None else None
