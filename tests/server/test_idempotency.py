"""Idempotency-Key: done once, answered every time."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest

from kova.access.api_key import Scope
from kova.adapters.github.protocol import ATTEMPTS
from kova_fakes.github import Fault
from tests.server.conftest import Kova, run_kova_with_github
from tests.support.queues import depth


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kova]:
    with run_kova_with_github(tmp_path_factory.mktemp("idempotency")) as kova:
        yield kova


@dataclass
class Client:
    """A key of its own and a repository of its own."""

    kova: Kova
    repository: str

    def post(self, key: str, **body: Any) -> httpx.Response:
        return self.kova.client.post(
            "/api/scan",
            json={"repository": self.repository, **body},
            headers={"Idempotency-Key": key.encode()},
        )

    def scans(self) -> list[dict[str, Any]]:
        return self.kova.all("/api/scans", repository=self.repository)


@pytest.fixture
def client(product: Kova) -> Client:
    name = f"octo/{uuid.uuid4().hex}"
    product.github.state.create_repository(name, files={"a.py": b"x = 1\n"})
    return Client(product.with_new_key(), name)


def test_fifty_at_once_are_one_scan_and_fifty_equal_answers(client: Client) -> None:
    queued = depth(client.kova.environment["KOVA_SCAN_QUEUE_URL"])
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: client.post("one"), range(50)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 49
    assert len(client.scans()) == 1
    assert depth(client.kova.environment["KOVA_SCAN_QUEUE_URL"]) == queued + 1


def test_another_body_with_the_same_key_is_refused(client: Client) -> None:
    assert client.post("one").status_code == 202
    answer = client.post("one", full=True)
    assert (answer.status_code, answer.json()["reason"]) == (422, "idempotency_key_reused")


def test_the_quoted_form_of_the_draft_is_the_same_key(client: Client) -> None:
    assert client.post('"one"').json() == client.post("one").json()


def test_keys_of_two_callers_do_not_meet(client: Client) -> None:
    other_client = Client(client.kova.with_new_key(Scope.SCAN), client.repository)
    first, second = client.post("one"), other_client.post("one")
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["scan_id"] != second.json()["scan_id"]


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256, '"open'])
def test_a_malformed_key_is_refused(client: Client, key: str) -> None:
    assert client.post(key).status_code in {400, 422}
    assert client.scans() == []


def test_a_refusal_is_an_answer_too(client: Client) -> None:
    nowhere = Client(client.kova, "octo/none")
    first, again = nowhere.post("none"), nowhere.post("none")
    assert (first.status_code, again.status_code) == (404, 404)
    assert again.content == first.content


def test_after_a_failure_the_same_key_tries_again(client: Client) -> None:
    # As many as one call makes attempts.
    fault = Fault(kind="500", method="GET", path="/installation$", times=ATTEMPTS)
    client.kova.github.inject(fault)
    assert client.post("one").status_code == 503
    assert client.post("one").status_code == 202


def test_a_request_whose_server_died_is_taken_over_and_makes_no_second_scan(
    client: Client,
) -> None:
    """The row that a killed server leaves: claimed, its lease over, its scan made."""
    answer = client.post("one").json()
    with psycopg.connect(client.kova.environment["KOVA_DATABASE_URL"]) as connection:
        connection.execute(
            """UPDATE idempotency_keys SET status = NULL, headers = NULL, body = NULL,
            locked_until = now() - interval '1 second' WHERE id = %s""",
            (answer["scan_id"],),
        )
    assert client.post("one").json() == answer
    assert len(client.scans()) == 1
