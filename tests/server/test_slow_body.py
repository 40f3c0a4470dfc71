"""A body that dribbles in holds a connection only for a while, before anybody is authenticated."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest
import uvicorn
from starlette.types import Message

from kova.bootstrap.core import Core
from kova.bootstrap.settings import Settings, load_settings
from kova.web.app import create_app
from tests.support.virtual_time import run_in_virtual_time


@pytest.mark.parametrize("path", ["/api/scan", "/webhooks/github", "/none"])
@pytest.mark.parametrize("pause", [1.0, 10_000.0])
def test_a_body_that_does_not_end_is_refused_in_time(path: str, pause: float) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        await asyncio.sleep(pause)
        return {"type": "http.request", "body": b"{", "more_body": True}

    async def send(message: Message) -> None:
        sent.append(message)

    async def request() -> float:
        app = create_app(Core(load_settings({})), {}, ())
        headers = [(b"content-length", b"100"), (b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
        await app(scope | {"query_string": b"", "raw_path": path.encode()}, receive, send)
        return asyncio.get_running_loop().time()

    assert run_in_virtual_time(request()) == Settings().body_seconds == 20
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]
    assert json.loads(sent[1]["body"])["reason"] == "body_too_slow"


async def test_the_connection_is_closed() -> None:
    app = create_app(Core(load_settings({"KOVA_BODY_SECONDS": "1"})), {}, ())
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        serving = asyncio.create_task(server.serve([listening]))
        port = listening.getsockname()[1]
        listening.listen()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /api/scan HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        answer = await asyncio.wait_for(reader.read(), 30)
        writer.close()
        server.should_exit = True
        await serving
    assert answer.startswith(b"HTTP/1.1 408 ")
