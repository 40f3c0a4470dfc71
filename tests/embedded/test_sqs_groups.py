"""Messages with a group share their receivers with other groups, as in SQS's fair queues."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kova_server.embedded.sqs.store import Store, StoredMessage


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    store.save_queue("q", {})
    yield store
    store.close()


def send(store: Store, *groups: str, delay: float = 0) -> None:
    """Send messages whose bodies name their group."""
    for group in groups:
        system = {"MessageGroupId": group} if group else {}
        store.send("q", group, attributes={}, system=system, delay=delay)


def receive(store: Store, limit: int = 1) -> list[StoredMessage]:
    messages, dead = store.receive("q", limit, visibility=60)
    assert dead is None
    return messages


def work(store: Store) -> str:
    """Receive a message, finish it, and return its group."""
    (message,) = receive(store)
    store.delete("q", message.receipt)
    return message.body


def test_the_group_with_fewest_messages_in_flight_is_next(store: Store) -> None:
    send(store, "a", "a", "a", "a", "b", "c")
    in_flight = [message.body for message in receive(store, limit=4)]
    assert in_flight == ["a", "b", "c", "a"]


def test_groups_take_turns_where_one_worker_does_one_after_the_other(store: Store) -> None:
    send(store, *"aaaa", *"bb", "c")
    assert [work(store) for _ in range(7)] == ["a", "b", "c", "a", "b", "a", "a"]


def test_a_group_that_comes_late_does_not_wait_for_a_backlog(store: Store) -> None:
    send(store, *["a"] * 300)
    assert [work(store) for _ in range(3)] == ["a"] * 3
    send(store, "b")
    assert work(store) == "b"


def test_messages_of_a_group_and_those_without_one_keep_their_order(store: Store) -> None:
    for body in ("1", "2", "3"):
        store.send("q", body, attributes={}, system={}, delay=0)
    assert [work(store) for _ in range(3)] == ["1", "2", "3"]


def test_a_delayed_message_of_a_quiet_group_is_not_due(store: Store) -> None:
    send(store, "b", delay=60)
    send(store, "a", "a")
    assert [work(store), work(store)] == ["a", "a"]
    assert receive(store) == []


def test_a_folder_of_an_earlier_release_is_taken_over(tmp_path: Path) -> None:
    old = Store(tmp_path)
    old.save_queue("q", {})
    send(old, "a")
    old.close()
    with closing(sqlite3.connect(tmp_path / "sqs.sqlite3")) as connection:
        connection.execute("DROP INDEX messages_group")
        connection.execute("ALTER TABLE messages DROP COLUMN message_group")
    store = Store(tmp_path)
    send(store, "b")
    assert sorted([work(store), work(store)]) == ["a", "b"]
    store.close()
