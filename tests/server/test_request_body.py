"""A body is read for callers with a key first, and never more of it than its route takes."""

from __future__ import annotations

import asyncio
import json
import socket
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.types import Message

from kova.access.admit import Admit
from kova.access.api_key import Scope, generate_key
from kova.adapters.memory.admissions import MemoryAdmissions
from kova.adapters.memory.api_keys import MemoryApiKeyStore
from kova.bootstrap.access import limits_of
from kova.bootstrap.core import Core
from kova.bootstrap.settings import Settings, load_settings
from kova.shared.exceptions import SignatureError
from kova.shared.limits import API_BYTES, SARIF_BYTES, WEBHOOK_BYTES
from kova.web.app import create_app
from kova.web.keyed_route import KeyedRoute
from kova.web.routes import sarif, scans, webhooks
from kova_server.application import application
from kova_server.http_protocol import TimedHeadProtocol
from tests.support.virtual_time import run_in_virtual_time

KEY = generate_key()
SARIF_PATH = "/api/scans/8e03978e-40d5-43dd-bc93-6894a57f9324/sarif"
PART = b"x" * 65_536


class Uploads:
    """Takes the place of the import of SARIF and of deliveries: notes how much was read."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    async def import_log(self, _scan: str, body: bytes, _reach: object, **_more: object) -> None:
        self.sizes.append(len(body))
        raise SignatureError

    def accept(self, incoming: Any) -> None:
        self.sizes.append(len(incoming.body))
        raise SignatureError


async def build_app(uploads: Uploads | None = None, **variables: str) -> FastAPI:
    settings = load_settings(variables)
    keys = MemoryApiKeyStore()
    await keys.create(
        name="ci",
        prefix=KEY.prefix,
        secret_hash=KEY.secret_hash,
        scopes=frozenset({Scope.SCAN}),
        expires_at=None,
    )
    admit = Admit(
        keys=keys,
        admissions=MemoryAdmissions(),
        limits=limits_of(settings),
        now=lambda: datetime.now(UTC),
    )
    uploads = uploads or Uploads()
    roots = {
        "access": SimpleNamespace(admit=admit),
        "scans": SimpleNamespace(import_sarif=uploads),
        "intake": SimpleNamespace(accept_delivery=uploads),
    }
    routers = [scans.request_router, sarif.router, webhooks.router]
    return create_app(Core(settings), roots, routers)


class BodySender:
    """One request to an application, part by part."""

    def __init__(self, app: FastAPI, path: str, *, key: str | None = KEY.plaintext) -> None:
        self.app = app
        self.path = path
        self.headers = {"content-type": "application/json"}
        if key is not None:
            self.headers["x-api-key"] = key
        self.parts_read = 0
        self.sent: list[Message] = []

    async def post(self, parts: Iterator[bytes], *, pause: float = 0.0, **headers: str) -> None:
        following = next(parts, None)

        async def receive() -> Message:
            nonlocal following
            await asyncio.sleep(pause)
            if following is None:
                return {"type": "http.disconnect"}
            self.parts_read += 1
            body, following = following, next(parts, None)
            return {"type": "http.request", "body": body, "more_body": following is not None}

        async def send(message: Message) -> None:
            self.sent.append(message)

        head = {
            name.replace("_", "-"): value for name, value in {**self.headers, **headers}.items()
        }
        scope = {
            "type": "http",
            "method": "POST",
            "path": self.path,
            "raw_path": self.path.encode(),
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in head.items()],
        }
        await self.app(scope, receive, send)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def reason(self) -> str:
        return str(json.loads(self.sent[1]["body"])["reason"])

    @property
    def is_closed(self) -> bool:
        return (b"connection", b"close") in self.sent[0]["headers"]


def endless() -> Iterator[bytes]:
    while True:
        yield PART


@pytest.mark.parametrize("key", [None, "kova_unknown", f"kova_{'a' * 12}_{'b' * 52}"])
@pytest.mark.parametrize(
    ("path", "length"),
    [
        ("/api/scan", {"transfer_encoding": "chunked"}),
        (SARIF_PATH, {"transfer_encoding": "chunked"}),
        (SARIF_PATH, {"content_length": str(SARIF_BYTES)}),
    ],
)
async def test_without_a_key_nothing_is_kept_of_a_body(
    path: str, length: dict[str, str], key: str | None
) -> None:
    """It is read for a moment, so that who still sends sees the answer."""
    client = BodySender(await build_app(), path, key=key)
    tracemalloc.start()
    await client.post(endless(), **length)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert client.status == 401
    assert peak < 2_000_000
    assert client.parts_read <= 33_000_000 // len(PART)
    assert client.is_closed


def test_a_body_of_a_stranger_that_dribbles_is_waited_for_two_seconds() -> None:
    async def request() -> tuple[BodySender, float]:
        client = BodySender(await build_app(), "/api/scan", key=None)
        await client.post(iter([b"{"] * 100), pause=1.5, content_length="100")
        return client, asyncio.get_running_loop().time()

    client, ended = run_in_virtual_time(request())
    assert (client.status, ended) == (401, 2.0)
    assert client.is_closed


async def test_a_short_body_without_a_key_is_dropped_and_the_connection_goes_on() -> None:
    client = BodySender(await build_app(), "/api/scan", key=None)
    await client.post(iter([b"{", b'"a": [', b"[["]), content_length="10")
    assert (client.status, client.reason) == (401, "unauthenticated")
    assert client.parts_read == 3
    assert not client.is_closed


@pytest.mark.parametrize("path", ["/api/scan", SARIF_PATH, "/webhooks/github"])
@pytest.mark.parametrize("pause", [1.0, 10_000.0])
def test_a_body_that_does_not_end_is_refused_in_time(path: str, pause: float) -> None:
    async def request() -> tuple[BodySender, float]:
        client = BodySender(await build_app(), path)
        await client.post(iter([b"{"] * 100), pause=pause, content_length="100")
        return client, asyncio.get_running_loop().time()

    client, ended = run_in_virtual_time(request())
    assert ended == Settings().body_seconds == 20
    assert (client.status, client.reason) == (408, "body_too_slow")
    assert client.is_closed


@pytest.mark.parametrize(
    ("path", "limit"),
    [("/api/scan", API_BYTES), (SARIF_PATH, SARIF_BYTES), ("/webhooks/github", WEBHOOK_BYTES)],
)
async def test_a_body_is_read_up_to_its_limit(path: str, limit: int) -> None:
    for declared in ({"content_length": str(limit + 1)}, {"transfer_encoding": "chunked"}):
        client = BodySender(await build_app(), path)
        await client.post(endless(), **declared)
        assert (client.status, client.reason) == (413, "too_large")
        assert client.is_closed


async def test_a_body_that_says_twice_where_it_ends_is_refused_and_the_connection_closed() -> None:
    for path in ("/api/scan", "/webhooks/github", "/none"):
        client = BodySender(await build_app(), path)
        await client.post(endless(), content_length="2", transfer_encoding="chunked")
        assert (client.status, client.reason) == (400, "bad_framing")
        assert client.is_closed


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_body_of_another_kind_is_refused(kind: str) -> None:
    client = BodySender(await build_app(), "/api/scan")
    await client.post(iter([b"{}"]), content_length="2", content_type=kind)
    assert (client.status, client.reason) == (415, "unsupported_media_type")


async def test_a_delivery_of_25_mb_is_held_once_while_it_is_checked() -> None:
    uploads = Uploads()
    client = BodySender(await build_app(uploads), "/webhooks/github")
    parts = WEBHOOK_BYTES // len(PART)
    tracemalloc.start()
    try:
        await client.post(
            (bytes(len(PART)) for _ in range(parts)), content_length=str(parts * len(PART))
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (client.status, uploads.sizes) == (401, [parts * len(PART)])
    assert peak < 1.3 * WEBHOOK_BYTES


@pytest.mark.parametrize(
    "body",
    [b"{", b"[" * 100_000, b'{"repository": NaN}', b'{"a": "\xff"}', b'"' + b"\\" * 200_001],
)
async def test_what_is_no_json_is_refused(body: bytes) -> None:
    client = BodySender(await build_app(), "/api/scan")
    await client.post(iter([body]), content_length=str(len(body)))
    assert (client.status, client.reason) == (400, "bad_json")


def test_few_large_bodies_of_strangers_are_held_at_once() -> None:
    """Those of callers with a key have slots of their own."""

    async def requests() -> tuple[list[BodySender], BodySender, Uploads]:
        uploads = Uploads()
        app = await build_app(uploads, KOVA_BODY_SECONDS="60")
        strangers = [BodySender(app, "/webhooks/github", key=None) for _ in range(5)]
        slow = [
            asyncio.create_task(
                stranger.post(endless(), pause=1.0, content_length=str(WEBHOOK_BYTES))
            )
            for stranger in strangers
        ]
        await asyncio.sleep(30)
        caller = BodySender(app, SARIF_PATH)
        await caller.post(iter([PART] * 16), content_length=str(16 * len(PART)))
        await asyncio.gather(*slow)
        return strangers, caller, uploads

    strangers, caller, uploads = run_in_virtual_time(requests())
    assert uploads.sizes == [16 * len(PART)]
    assert caller.reason == "bad_signature"
    assert sorted(stranger.reason for stranger in strangers) == [
        *["bodies_busy"] * 3,
        *["body_too_slow"] * 2,
    ]
    # The three that waited were not read on meanwhile, but for two seconds at the end.
    assert max(sorted(stranger.parts_read for stranger in strangers)[:3]) <= 5 + 2


async def test_every_route_with_a_body_checks_the_key_before_it() -> None:
    """FastAPI reads a declared body before it resolves any dependency."""
    app = application(load_settings({"KOVA_ENV": "local"}))
    routes = [
        route
        for router in app.state.routers
        for route in router.routes
        if isinstance(route, APIRoute)
    ]
    with_body = [route for route in routes if route.body_field is not None]
    assert len(with_body) >= 5
    assert all(isinstance(route, KeyedRoute) for route in with_body)


async def test_the_connection_is_closed() -> None:
    app = await build_app(KOVA_BODY_SECONDS="1")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        serving = asyncio.create_task(server.serve([listening]))
        port = listening.getsockname()[1]
        listening.listen()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"POST /api/scan HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY.plaintext}\r\n"
        kind = "Content-Type: application/json\r\n"
        writer.write(f"{head}{kind}Content-Length: 100\r\n\r\n{{".encode())
        answer = await asyncio.wait_for(reader.read(), 30)
        writer.close()
        server.should_exit = True
        await serving
    assert answer.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        b"GET /none HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n",
    ],
)
async def test_a_head_that_does_not_end_closes_the_connection(sent: bytes) -> None:
    class HastyProtocol(TimedHeadProtocol):
        head_seconds = 0.3

    app = await build_app()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, http=HastyProtocol, log_config=None, timeout_keep_alive=60)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listening]))
        listening.listen()
        reader, writer = await asyncio.open_connection("127.0.0.1", listening.getsockname()[1])
        writer.write(sent)
        answer = await asyncio.wait_for(reader.read(), 30)
        assert answer.count(b"HTTP/1.1 404 ") == sent.count(b"/none")
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", listening.getsockname()[1])
        for _ in range(3):
            writer.write(b"GET /none HTTP/1.1\r\nHost: x\r\n\r\n")
            await asyncio.wait_for(reader.readuntil(b"}"), 30)
            await asyncio.sleep(0.2)  # Who sends nothing idles, and has longer than for a head.
        writer.close()
        server.should_exit = True
        await serving
