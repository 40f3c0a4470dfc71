"""The HTTP API in front of a function: what it refuses itself, and when it gives up waiting."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from kova_server.local_lambda.front import Front
from kova_server.local_lambda.server import loopback_sockets, port_of
from kova_server.local_lambda.template import GatewayRoute, Throttle
from tests.local_lambda.conftest import PATIENCE, Lambdas
from tests.support.eventually import eventually

Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask(lambdas: Lambdas) -> Ask:
    """Ask a front whose integration time-out is short, with two routes."""
    throttle = Throttle(rate=0.001, burst=2)
    routes = [
        GatewayRoute(method="POST", path="/small", function="SmallFunction"),
        GatewayRoute(method="GET", path="/rare", function="SmallFunction", throttle=throttle),
    ]
    front = Front(routes, lambdas.invoker, integration_seconds=10)
    hasty = Front(routes, lambdas.invoker, integration_seconds=0.2)

    def send(method: str, path: str, *, waits: bool = True, **options: Any) -> httpx.Response:
        async def call() -> httpx.Response:
            transport = httpx.ASGITransport(front if waits else hasty)
            async with httpx.AsyncClient(transport=transport, base_url="http://kova") as client:
                return await client.request(method, path, **options)

        return asyncio.run_coroutine_threadsafe(call(), lambdas.loop).result(PATIENCE)

    return send


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/json"
    return answer.status_code, answer.json()["message"]


def test_a_function_that_takes_too_long_is_a_503_and_goes_on(ask: Ask, lambdas: Lambdas) -> None:
    lambdas.ask({})  # Warm: only the wait is left.
    pid = lambdas.ask({})["pid"]
    os.kill(pid, signal.SIGSTOP)
    assert refusal(ask("POST", "/small", waits=False)) == (503, "Service Unavailable")
    os.kill(pid, signal.SIGCONT)
    # The event that nobody waited for was done.
    eventually(lambda: lambdas.ask({})["pid"] == pid, PATIENCE)
    assert lambdas.ask({})["calls"] > 4


def test_when_all_environments_are_at_work_it_is_a_503(
    ask: Ask, lambdas: Lambdas, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        event = {"kind": "hang", "begun": str(tmp_path / name)}
        lambdas.start("SmallFunction", event)
        eventually((tmp_path / name).exists, PATIENCE)
    assert refusal(ask("POST", "/small")) == (503, "Service Unavailable")


def test_more_than_the_throttle_lets_through_is_a_429(ask: Ask) -> None:
    codes = [ask("GET", "/rare").status_code for _ in range(3)]
    assert codes == [200, 200, 429]
    assert refusal(ask("GET", "/rare")) == (429, "Too Many Requests")


async def _pieces(sizes: list[int]) -> AsyncIterator[bytes]:
    """Send far more than is taken, and record what was."""
    for _ in range(40):
        sizes.append(2**20)
        yield bytes(2**20)


def test_what_is_too_large_is_refused_however_it_comes(ask: Ask) -> None:
    too_large = (413, "Request Entity Too Large")
    sizes: list[int] = []
    assert refusal(ask("POST", "/small", content=_pieces(sizes))) == too_large
    assert sum(sizes) <= 12 * 2**20  # The rest was not read.
    lie = {"content-length": str(2**40)}
    assert refusal(ask("POST", "/small", content=b"x", headers=lie)) == too_large
    # Below ten megabytes, but more than Lambda takes once it is in base64.
    assert refusal(ask("POST", "/small", content=bytes(5 * 2**20))) == too_large
    headers = {"x-long": "a" * 10_241}
    assert ask("POST", "/small", headers=headers).status_code == 431
    assert refusal(ask("POST", "/other")) == (404, "Not Found")
    assert refusal(ask("GET", "/small")) == (404, "Not Found")


def test_a_function_gets_the_event_and_its_answer_comes_back(ask: Ask) -> None:
    answer = ask("POST", "/small", content=json.dumps({"kind": "x"}))
    assert (answer.status_code, answer.json()["calls"]) == (200, 1)
    assert answer.headers["apigw-requestid"]


def test_an_answer_in_two_pieces_does_not_wait_for_the_client() -> None:
    """asyncio leaves that off for listeners that were made elsewhere: 40 ms for each invocation."""
    (listener,) = loopback_sockets(1)
    with listener, socket.create_connection(("127.0.0.1", port_of(listener))):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
