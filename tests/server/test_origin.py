"""Behind a CDN: only requests that it passed on are answered, and limits go by its client."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.types import Message

from kova.bootstrap.core import Core
from kova.bootstrap.settings import load_settings
from kova.web.app import create_app
from kova.web.origin import parse_viewer
from kova.web.problem_table import is_page
from kova_server.application import ROUTERS, application

OLD, NEW = "old-" + "o" * 30, "new-" + "n" * 30
# Nobody is there, and nobody is asked: a caller without a key is counted and refused before.
LIMITS = {
    "KOVA_DATABASE_URL": "postgresql://127.0.0.1:1/none",
    "KOVA_RATE_LIMIT_PER_MINUTE": "2",
}
SETTINGS = LIMITS | {
    "KOVA_ORIGIN_SECRET": f"{OLD}, {NEW}",
    "KOVA_CLIENT_ADDRESS_HEADER": "True-Client-IP",
}
WRONG: list[list[tuple[str, bytes]]] = [
    [],
    [("x-origin-verify", b"")],
    [("x-origin-verify", f"{OLD},{NEW}".encode())],
    [("x-origin-verify", OLD.upper().encode())],
    [("x-origin-verify", f"{OLD}x".encode())],
    [("x-origin-verify", "é".encode() * 17)],
    [("x-origin-verify", OLD.encode()), ("x-origin-verify", OLD.encode())],
    [("x-origin-verify", b"x"), ("x-origin-verify", OLD.encode())],
]


def client_of(variables: dict[str, str], peer: str = "203.0.113.1") -> httpx.AsyncClient:
    """A client of the server's application, in this process."""
    app = application(load_settings(variables))
    transport = httpx.ASGITransport(app=app, client=(peer, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://kova")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(SETTINGS) as client:
        yield client


@pytest.mark.parametrize("headers", WRONG)
async def test_a_direct_request_is_refused(
    client: httpx.AsyncClient, headers: list[tuple[str, bytes]]
) -> None:
    for path in ("/health", "/docs", "/api/scans", "/none"):
        answer = await client.get(path, headers=headers)
        assert answer.status_code == 403
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        problem = answer.json()
        assert problem["reason"] == "direct_address"
        assert problem["request_id"] == answer.headers["x-request-id"]


async def test_every_route_refuses_a_direct_request(client: httpx.AsyncClient) -> None:
    asked = 0
    for route in (route for router in ROUTERS for route in router.routes):
        assert isinstance(route, APIRoute)
        for method in route.methods:
            answer = await client.request(method, route.path.replace("{", "").replace("}", ""))
            assert answer.status_code == 403
            if is_page(route.path):
                assert 'data-reason="direct_address"' in answer.text
            else:
                assert answer.json()["reason"] == "direct_address"
            asked += 1
    assert asked > 30


@pytest.mark.parametrize("secret", [OLD, NEW])
async def test_each_secret_opens_while_one_is_rotated(
    client: httpx.AsyncClient, secret: str
) -> None:
    assert (await client.get("/docs", headers={"X-Origin-Verify": secret})).status_code == 200


async def test_without_the_setting_nothing_changes() -> None:
    async with client_of(LIMITS) as client:
        assert (await client.get("/docs")).status_code == 200
        assert (await client.get("/api/scans")).status_code == 401


async def test_a_preflight_is_refused_too() -> None:
    asks = {"origin": "https://ui.example", "access-control-request-method": "GET"}
    async with client_of(SETTINGS | {"KOVA_CORS_ORIGINS": "https://ui.example"}) as client:
        assert (await client.options("/api/scans", headers=asks)).status_code == 403
        through = await client.options("/api/scans", headers=asks | {"x-origin-verify": OLD})
        assert through.status_code == 200


async def test_the_body_of_a_direct_request_is_not_read() -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("the body was read")

    async def send(message: Message) -> None:
        sent.append(message)

    app = create_app(Core(load_settings(SETTINGS)), {}, ())
    scope = {"type": "http", "method": "POST", "path": "/webhooks/github", "query_string": b""}
    await app(scope | {"headers": [(b"content-length", b"100")]}, receive, send)
    assert sent[0]["status"] == 403
    assert (b"connection", b"close") in sent[0]["headers"]


async def test_the_secret_is_neither_passed_on_nor_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    router = APIRouter()
    seen: list[Request] = []

    @router.get("/seen")
    async def see(request: Request) -> None:
        seen.append(request)

    app = create_app(Core(load_settings(SETTINGS)), {}, [router])
    caplog.set_level(logging.DEBUG)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://kova"
    ) as client:
        assert (await client.get("/seen", headers={"X-Origin-Verify": OLD})).status_code == 200
        await client.get("/seen", headers={"X-Origin-Verify": "a wrong guess"})
    (request,) = seen
    assert "x-origin-verify" not in request.headers
    records = [f"{record.__dict__}" for record in caplog.records if "kova" in record.name]
    assert records
    assert not [text for text in records if OLD in text or "a wrong guess" in text]


async def statuses(client: httpx.AsyncClient, count: int, **headers: str) -> list[int]:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return [(await client.get("/api/scans", headers=named)).status_code for _ in range(count)]


async def test_limits_go_by_the_client_of_the_cdn(client: httpx.AsyncClient) -> None:
    first = {"x_origin_verify": OLD, "true_client_ip": "198.51.100.7"}
    assert await statuses(client, 3, **first) == [401, 401, 429]
    second = first | {"true_client_ip": "198.51.100.8"}
    assert await statuses(client, 1, **second) == [401]
    # Another spelling of an address is not another caller.
    for address in ("2001:db8::1", "2001:DB8:0::1", "2001:db8:0:0:0:0:0:1"):
        expected = 429 if address.endswith("0:1") else 401
        assert await statuses(client, 1, **first | {"true_client_ip": address}) == [expected]


async def test_an_address_that_is_none_counts_for_the_cdn(client: httpx.AsyncClient) -> None:
    for address in ("nonsense", "", "198.51.100.7, 198.51.100.8"):
        status = 429 if "," in address else 401
        sent = {"x_origin_verify": OLD, "true_client_ip": address}
        assert await statuses(client, 1, **sent) == [status]


async def test_an_address_that_is_told_twice_counts_for_the_cdn(client: httpx.AsyncClient) -> None:
    for number, status in enumerate((401, 401, 429)):
        told = [f"198.51.100.{number}", "198.51.100.99"]
        headers = [("x-origin-verify", OLD), *(("true-client-ip", text) for text in told)]
        assert (await client.get("/api/scans", headers=headers)).status_code == status


@pytest.mark.parametrize(
    "variables",
    [{}, {"KOVA_ORIGIN_SECRET": OLD}],
    ids=["without a CDN", "with one whose header is not named"],
)
async def test_a_header_that_is_not_named_moves_no_limit(variables: dict[str, str]) -> None:
    async with client_of(LIMITS | variables) as client:
        for number, status in enumerate((401, 401, 429)):
            forged = {
                "x_origin_verify": OLD,
                "true_client_ip": f"198.51.100.{number}",
                "cloudfront_viewer_address": f"198.51.100.{number}:1",
                "x_forwarded_for": f"198.51.100.{number}",
            }
            assert await statuses(client, 1, **forged) == [status]


@pytest.mark.parametrize(
    ("name", "value", "address"),
    [
        ("true-client-ip", " 192.0.2.1 ", "192.0.2.1"),
        ("true-client-ip", "192.0.2.1:443", None),
        ("true-client-ip", "2001:DB8::1", "2001:db8::1"),
        ("cloudfront-viewer-address", "198.51.100.10:46532", "198.51.100.10"),
        ("cloudfront-viewer-address", "2001:db8::1:46532", "2001:db8::1"),
        ("cloudfront-viewer-address", "2001:db8:0:0:0:0:0:1:443", "2001:db8::1"),
        ("cloudfront-viewer-address", "198.51.100.10", None),
    ],
)
def test_the_address_of_a_viewer(name: str, value: str, address: str | None) -> None:
    assert parse_viewer(name, value) == address
