"""Rate limits at the front door: exact, for each key and each kind of call, over all processes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.server.conftest import Kova, run_kova_with_github


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kova]:
    settings = {
        "KOVA_RATE_LIMIT_PER_MINUTE": "100",
        "KOVA_SCAN_RATE_LIMIT_PER_MINUTE": "3",
        "KOVA_ANONYMOUS_RATE_LIMIT_PER_MINUTE": "20",
    }
    with run_kova_with_github(tmp_path_factory.mktemp("limits"), **settings) as kova:
        yield kova


@pytest.fixture
def kova(product: Kova) -> Kova:
    """The shared server, and a key that nobody has used."""
    return product.with_new_key()


def test_a_thousand_calls_over_two_servers_pass_a_hundred_times(kova: Kova) -> None:
    addresses = [kova.address, kova.start_server()]
    headers = {"X-API-Key": kova.key}
    clients = [httpx.Client(base_url=address, headers=headers, timeout=60) for address in addresses]

    def call(number: int) -> httpx.Response:
        return clients[number % 2].get("/api/scans", params={"limit": 1})

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(call, range(1_000)))
    for client in clients:
        client.close()
    assert Counter(answer.status_code for answer in answers) == {200: 100, 429: 900}
    for answer in answers:
        assert answer.headers["ratelimit-policy"] == '"read";q=100;w=60'
        assert re.fullmatch(r'"read";r=\d+;t=\d+', answer.headers["ratelimit"])
        if answer.status_code == 429:
            assert 1 <= int(answer.headers["retry-after"]) <= 60
            assert answer.json()["reason"] == "rate_limited"


def test_scans_have_a_limit_of_their_own(kova: Kova) -> None:
    statuses = [
        kova.client.post("/api/scan", json={"repository": "octo/none"}).status_code
        for _ in range(5)
    ]
    assert statuses == [404, 404, 404, 429, 429]
    answer = kova.client.get("/api/scans")
    assert answer.status_code == 200
    assert answer.headers["ratelimit"].startswith('"read";r=99')


def test_strangers_are_limited_by_address_and_keys_beside_them_are_not(kova: Kova) -> None:
    # An address that no other test calls from: all of them share one Redis.
    transport = httpx.HTTPTransport(local_address="127.0.0.79")
    headers = {"X-API-Key": "kova_no"}
    with httpx.Client(base_url=kova.address, transport=transport, headers=headers) as stranger:
        answers = [stranger.get("/api/scans") for _ in range(22)]
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses == {401: 20, 429: 2}, kova.logs()[-5_000:]
    assert answers[-1].headers["ratelimit-policy"] == '"anonymous";q=20;w=60'
    assert kova.client.get("/api/scans").status_code == 200
    assert httpx.get(f"{kova.address}/health").status_code == 200
