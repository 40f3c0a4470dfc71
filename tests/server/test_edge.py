"""Hostile and broken requests: 4xx (or 202 where GitHub could send it), never a 5xx, still alive."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.server.conftest import Kova, run_kova_with_github


@pytest.fixture(scope="module")
def kova(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kova]:
    with run_kova_with_github(tmp_path_factory.mktemp("edge")) as product:
        yield product


def deliver(kova: Kova, body: bytes, *, signature: str | None = None, **headers: str) -> int:
    secret = kova.github.webhook_secret.encode()
    signed = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
    sent = {
        "content-type": "application/json",
        "x-github-event": "push",
        "x-github-delivery": "d-1",
        "x-hub-signature-256": signed if signature is None else signature,
        **headers,
    }
    encoded = {key: value.encode() for key, value in sent.items() if value}
    answer = httpx.post(
        f"{kova.address}/webhooks/github", content=body, headers=encoded, timeout=20
    )
    if answer.is_error:
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert problem["status"] == answer.status_code
        assert problem["request_id"] == answer.headers["x-request-id"]
        assert "Traceback" not in answer.text
    return answer.status_code


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "sha256=" + "0" * 64,
        "sha1=" + "0" * 40,
        "sha256=" + "é" * 32,
        "nonsense",
    ],
)
def test_a_body_without_a_right_signature_is_refused(kova: Kova, signature: str) -> None:
    assert deliver(kova, b"{}", **{"x-hub-signature-256": signature}) == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[" * 100_000 + b"]" * 100_000, 400),
        (b'{"a": NaN}', 400),
        (b'{"a": "\\u0000"}', 202),
        (b'{"a": "\x00"}', 400),
        (b'{"a": "\xff\xfe"}', 400),
        (b"[]", 400),
        (b'{"repository": {"full_name": "o/r"}}', 202),
        (json.dumps({"a": "x" * 24_000_000}).encode(), 202),
        (b"x" * 26_000_000, 413),
    ],
)
def test_signed_but_strange_bodies(kova: Kova, body: bytes, status: int) -> None:
    assert deliver(kova, body) == status
    assert httpx.get(f"{kova.address}/health", timeout=5).status_code == 200


def test_a_ping_and_an_unknown_event_are_ignored_with_202(kova: Kova) -> None:
    for event in ("ping", "star"):
        assert deliver(kova, b'{"zen": "x"}', **{"x-github-event": event}) == 202


def test_a_length_that_is_a_lie_or_nonsense_is_refused(kova: Kova) -> None:
    address = urlsplit(kova.address)
    for length in ("99999999999999999999", "-1", "abc"):
        with socket.create_connection((str(address.hostname), int(address.port or 0)), 5) as raw:
            raw.sendall(
                f"POST /webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode()
            )
            assert b" 4" in raw.recv(200)[:13]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 422),
        (b'{"repository": "x"}', 422),
        (b'{"repository": "a/b", "unknown": 1}', 422),
        (b'{"repository": "a/b", "full": "yes"}', 422),
        (b'{"repository": "a/b", "ref": "a..b"}', 422),
        (b'{"repository": "a/\\ud800"}', 422),
        (b'{"repository": "a/b", "ref": "\\u0000"}', 422),
        (b"[" * 90_000, 400),
        (b"x" * 300_000, 413),
    ],
)
def test_strange_scan_requests(kova: Kova, body: bytes, status: int) -> None:
    headers = {"content-type": "application/json"}
    answer = kova.client.post("/api/scan", content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.json()["reason"]


@pytest.mark.parametrize(
    "path", ["/api/scans/x", "/api/scans/%00", "/api/errors/1", "/api/fixes/%ff", "/nothing"]
)
def test_what_is_not_there_is_a_404_problem(kova: Kova, path: str) -> None:
    answer = kova.client.get(path)
    assert (answer.status_code, answer.json()["status"]) == (404, 404)


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=x", "status=odd", "severity=1", "cursor=%00", "cursor=abc"],
)
def test_bad_queries_are_refused(kova: Kova, query: str) -> None:
    assert kova.client.get(f"/api/errors?{query}").status_code in {400, 422}


def test_nul_and_surrogates_in_filters_find_nothing(kova: Kova) -> None:
    assert kova.get("/api/errors", path="a\x00b") == {"items": [], "next_cursor": None}


@pytest.mark.parametrize("key", ["-", "kova_x", "Bearer", "kova_" + "a" * 12 + "_" + "a" * 52, "é"])
def test_without_a_right_key_there_is_nothing_to_see(kova: Kova, key: str) -> None:
    for headers in ({"Authorization": f"Bearer {key}".encode()}, {"X-API-Key": key.encode()}):
        answer = httpx.get(f"{kova.address}/api/scans", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"


def test_the_request_id_comes_back_if_it_is_one(kova: Kova) -> None:
    url = f"{kova.address}/health"
    assert httpx.get(url, headers={"x-request-id": "abc-1"}).headers["x-request-id"] == "abc-1"
    assert httpx.get(url, headers={"x-request-id": "a b"}).headers["x-request-id"] != "a b"


@given(body=st.binary(max_size=300), event=st.sampled_from(["push", "pull_request", "ping"]))
def test_any_signed_bytes_are_accepted_or_refused(kova: Kova, body: bytes, event: str) -> None:
    assert deliver(kova, body, **{"x-github-event": event}) in {202, 400}
