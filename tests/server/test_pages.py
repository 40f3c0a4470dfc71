"""Pages stay whole while the list changes; filters; changing errors and repositories."""

from __future__ import annotations

import os
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from kova.access.api_key import Scope
from tests.server.conftest import Kova, run_kova_with_github
from tests.support.errors import insert_errors

ERRORS = 100_000 if os.environ.get("STRESS") else 5_000


@pytest.fixture(scope="module")
def kova(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kova]:
    with run_kova_with_github(tmp_path_factory.mktemp("pages")) as product:
        yield product


@pytest.fixture
def repository(kova: Kova) -> str:
    name = f"octo/{uuid.uuid4().hex}"
    insert_errors(kova.environment["KOVA_DATABASE_URL"], name, 0)
    return name


def fill(kova: Kova, name: str, number: int) -> None:
    insert_errors(kova.environment["KOVA_DATABASE_URL"], name, number)


@pytest.mark.stress
def test_every_row_is_seen_once_while_others_come_and_close(kova: Kova, repository: str) -> None:
    """Two lists side by side in pages of a hundred; `make stress` has 100,000 errors."""
    fill(kova, repository, ERRORS)
    url = kova.environment["KOVA_DATABASE_URL"]
    with psycopg.connect(url) as connection:
        rows_before = connection.execute(
            """SELECT errors.id FROM errors JOIN repositories ON repositories.id = repository_id
            WHERE full_name = %s""",
            (repository,),
        )
        ids_before = {str(row[0]) for row in rows_before}
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            insert_errors(url, repository, 50)
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(
                    """UPDATE errors SET status = 'fixed', fixed_at = now(), last_seen_at = now()
                    WHERE id IN (SELECT id FROM errors WHERE status = 'open'
                        ORDER BY random() LIMIT 20)"""
                )

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with ThreadPoolExecutor(2) as pool:
            lists = pool.map(
                lambda filters: kova.all("/api/errors", **filters), [{}, {"repository": repository}]
            )
            counts_of_lists = [Counter(row["id"] for row in rows) for rows in lists]
    finally:
        stop.set()
        writer.join()
    for counts in counts_of_lists:
        assert max(counts.values()) == 1
        assert ids_before - counts.keys() == set()


def test_filters_choose_and_combine(kova: Kova, repository: str) -> None:
    fill(kova, repository, 400)
    everything = kova.all("/api/errors", repository=repository)
    assert len(everything) == 400
    sample = everything[0]
    for key, name in (
        ("severity", "severity"),
        ("analyzer", "analyzer"),
        ("rule", "rule_id"),
        ("path", "path"),
        ("status", "status"),
    ):
        rows = kova.all("/api/errors", repository=repository, **{key: sample[name]})
        assert rows == [row for row in everything if row[name] == sample[name]]
    both = {"severity": sample["severity"], "rule": sample["rule_id"]}
    rows = kova.all("/api/errors", repository=repository, **both)
    assert rows == [
        row
        for row in everything
        if (row["severity"], row["rule_id"]) == (sample["severity"], sample["rule_id"])
    ]
    assert kova.all("/api/errors", repository="octo/none") == []


def counts(kova: Kova, repository: str) -> dict[str, int]:
    shown: dict[str, int] = kova.get(f"/api/repositories/{repository}")["open_errors"]
    return shown


def test_open_errors_are_counted_through_every_change(kova: Kova, repository: str) -> None:
    fill(kova, repository, 40)
    errors = kova.all("/api/errors", repository=repository)
    expected = Counter(error["severity"] for error in errors)
    assert counts(kova, repository) == {**dict.fromkeys(counts(kova, repository), 0), **expected}
    with psycopg.connect(kova.environment["KOVA_DATABASE_URL"]) as connection:
        connection.execute("UPDATE errors SET severity = 'low' WHERE id = %s", (errors[0]["id"],))
        connection.execute("DELETE FROM errors WHERE id = %s", (errors[1]["id"],))
    assert sum(counts(kova, repository).values()) == 39
    ignore(kova, errors[2]["id"], reason="no")
    assert sum(counts(kova, repository).values()) == 38
    kova.client.patch(f"/api/errors/{errors[2]['id']}", json={"status": "open"})
    assert sum(counts(kova, repository).values()) == 39
    with psycopg.connect(kova.environment["KOVA_DATABASE_URL"]) as connection:
        connection.execute("DELETE FROM repositories WHERE full_name = %s", (repository,))
    assert kova.client.get(f"/api/repositories/{repository}").status_code == 404


def ignore(kova: Kova, error_id: str, **body: Any) -> Any:
    return kova.client.patch(f"/api/errors/{error_id}", json={"status": "ignored", **body})


def test_an_error_is_ignored_with_a_reason_and_opened_again(kova: Kova, repository: str) -> None:
    fill(kova, repository, 1)
    (error,) = kova.all("/api/errors", repository=repository)
    assert ignore(kova, error["id"]).status_code == 422
    assert ignore(kova, error["id"], reason=" ").status_code == 422
    assert ignore(kova, error["id"], reason="x", until="2000-01-01T00:00:00Z").status_code == 409
    until = "2999-01-01T00:00:00Z"
    answer = ignore(kova, error["id"], reason="a test relies on it", until=until)
    assert answer.status_code == 200, answer.text
    actor = f"key:{kova.key.split('_')[1]}"
    ignored = {"reason": "a test relies on it", "by": actor, "until": until}
    assert (answer.json()["status"], answer.json()["ignored"]) == ("ignored", ignored)
    opened = kova.client.patch(f"/api/errors/{error['id']}", json={"status": "open"}).json()
    assert (opened["status"], opened["ignored"]) == ("open", None)
    events = [event["action"] for event in kova.all("/api/audit") if event["target"] == error["id"]]
    assert events == ["error.opened", "error.ignored"]


def test_a_fixed_error_cannot_be_ignored(kova: Kova, repository: str) -> None:
    fill(kova, repository, 1)
    (error,) = kova.all("/api/errors", repository=repository)
    with psycopg.connect(kova.environment["KOVA_DATABASE_URL"]) as connection:
        connection.execute(
            "UPDATE errors SET status = 'fixed', fixed_at = now() WHERE id = %s", (error["id"],)
        )
    assert ignore(kova, error["id"], reason="x").status_code == 409
    assert (
        kova.client.patch(f"/api/errors/{error['id']}", json={"status": "fixed"}).status_code == 422
    )
    assert ignore(kova, str(uuid.uuid4()), reason="x").status_code == 404


def test_settings_of_a_repository_change_one_by_one(kova: Kova, repository: str) -> None:
    path = f"/api/repositories/{repository}"
    first = kova.client.patch(path, json={"auto_fix": "suggest", "monthly_budget_usd": 5}).json()
    assert (first["auto_fix"], first["fail_on"], first["monthly_budget_usd"]) == (
        "suggest",
        "high",
        5,
    )
    second = kova.client.patch(path, json={"fail_on": "low"}).json()
    assert (second["auto_fix"], second["fail_on"], second["monthly_budget_usd"]) == (
        "suggest",
        "low",
        5,
    )
    third = kova.client.patch(path, json={"monthly_budget_usd": None}).json()
    assert third["monthly_budget_usd"] is None
    (event, *_) = [event for event in kova.all("/api/audit") if event["target"] == repository]
    assert event["action"] == "repository.changed"
    assert kova.client.patch(path, json={"auto_fix": "always"}).status_code == 422
    assert kova.client.patch("/api/repositories/octo/none", json={}).status_code == 404
    reader = kova.with_new_key(Scope.READ)
    assert reader.client.patch(path, json={"fail_on": "low"}).status_code == 403
