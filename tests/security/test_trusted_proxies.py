"""Whoever asks cannot choose the address that limits go by, nor the scheme."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from kova_server.trusted_proxies import TrustedProxies, parse_address
from tests.embedded.test_up import Up, run_up
from tests.support.ports import own_port

PEER = ("10.0.0.9", 40_000)
QUOTA = 5


async def told_client(proxies: int | list[str], *headers: tuple[str, str]) -> tuple[str, str]:
    """Return the client's address and the scheme that an application is told."""
    answers: list[Any] = []

    async def application(scope: Any, _receive: Any, _send: Any) -> None:
        answers.append((scope["client"][0], scope["scheme"]))

    scope = {
        "type": "http",
        "client": PEER,
        "scheme": "http",
        "headers": [(name.encode(), value.encode()) for name, value in headers],
    }

    async def nothing(*_: Any) -> Any:
        raise AssertionError

    await TrustedProxies(application, proxies)(scope, nothing, nothing)
    return answers[0]  # type: ignore[no-any-return]


FORWARDED = "x-forwarded-for"


@pytest.mark.parametrize(
    ("proxies", "lines", "address"),
    [
        (0, ["203.0.113.7"], PEER[0]),
        (0, ["203.0.113.7", "203.0.113.8"], PEER[0]),
        (1, [], PEER[0]),
        (1, [""], PEER[0]),
        (1, ["203.0.113.7"], "203.0.113.7"),
        (1, ["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
        (1, ["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
        (1, ["198.51.100.1,203.0.113.7,"], PEER[0]),
        (1, ["198.51.100.1, unknown"], PEER[0]),
        (1, ["203.0.113.7:4711"], "203.0.113.7"),
        (1, ["2001:db8::7"], "2001:db8::7"),
        (1, ["[2001:DB8:0::7]:4711"], "2001:db8::7"),
        (2, ["203.0.113.7"], PEER[0]),
        (2, ["203.0.113.7, 10.1.1.1"], "203.0.113.7"),
        (2, ["198.51.100.1, 203.0.113.7, 10.1.1.1"], "203.0.113.7"),
        (2, ["198.51.100.1, 203.0.113.7", "10.1.1.1"], "203.0.113.7"),
        (10, [", ".join(["198.51.100.1"] * 9)], PEER[0]),
        # By their addresses: the peer has to be one of them.
        (["10.0.0.9"], ["203.0.113.7"], "203.0.113.7"),
        (["10.0.0.0/8"], ["198.51.100.1, 203.0.113.7, 10.1.1.1"], "203.0.113.7"),
        (
            ["10.0.0.0/8", "2001:db8::/32"],
            ["203.0.113.7", "2001:db8::1, 10.1.1.1:80"],
            "203.0.113.7",
        ),
        (["10.0.0.0/8"], ["10.1.1.1"], "10.1.1.1"),
        (["10.0.0.0/8"], ["203.0.113.7, unknown"], PEER[0]),
        (["10.0.0.0/8"], [], PEER[0]),
        (["10.0.0.8"], ["203.0.113.7"], PEER[0]),
        (["2001:db8::/32"], ["203.0.113.7"], PEER[0]),
    ],
)
async def test_the_address_is_counted_from_the_end(
    proxies: int | list[str], lines: list[str], address: str
) -> None:
    found_address, _ = await told_client(proxies, *((FORWARDED, line) for line in lines))
    assert found_address == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "1.2.3",
        "1.2.3.4.5",
        "[::1",
        "::1]:x]",
        "1.2.3.4 ",
        "1.2.3.4\n",
        "fe80::%",
        "0" * 9_000,
    ],
)
def test_what_is_no_address_is_none(text: str) -> None:
    assert parse_address(text) in {None, "::1"}


@pytest.mark.parametrize(
    ("proxies", "lines", "scheme"),
    [
        (0, ["https"], "http"),
        (1, ["https"], "https"),
        (1, ["https", "http"], "http"),
        (1, ["http, https"], "https"),
        (1, ["gopher"], "http"),
    ],
)
async def test_the_scheme_is_the_nearest_proxys(
    proxies: int, lines: list[str], scheme: str
) -> None:
    pairs = [("x-forwarded-proto", line) for line in lines]
    _, last_scheme = await told_client(proxies, (FORWARDED, "203.0.113.7"), *pairs)
    assert last_scheme == scheme


async def test_a_scheme_that_came_around_the_proxy_is_not_believed() -> None:
    assert await told_client(1, ("x-forwarded-proto", "https")) == (PEER[0], "http")


@pytest.fixture(scope="module", params=["0", "1"])
def up(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    settings = {
        "KOVA_ANONYMOUS_RATE_LIMIT_PER_MINUTE": str(QUOTA),
        "KOVA_TRUSTED_PROXIES": request.param,
    }
    with run_up(tmp_path_factory.mktemp("proxies") / "data", **settings) as running:
        yield running, int(request.param)


def test_strangers_with_addresses_of_their_own_choice_share_a_limit(
    up: tuple[Up, int],
) -> None:
    running, proxies = up
    statuses = []
    for number in range(4 * QUOTA):
        forged = [f"198.51.100.{number}"] * 2
        # What the proxy adds stands last, and is the same: it is one client.
        chain = ", ".join([*forged, *["203.0.113.7"] * proxies])
        answer = httpx.get(
            f"http://127.0.0.1:{running.port}/api/scans",
            headers={
                FORWARDED: chain,
                "x-real-ip": forged[0],
                "true-client-ip": forged[0],
                "forwarded": f"for={forged[0]}",
            },
        )
        statuses.append(answer.status_code)
    assert set(statuses) == {401, 429}
    # A minute may end meanwhile.
    assert statuses.count(401) <= 2 * QUOTA


def test_the_former_setting_alone_is_refused_by_its_successors_name(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "kova_server", "serve", "--port", str(own_port())],
        env={
            "PATH": "/usr/bin:/bin",
            "FORWARDED_ALLOW_IPS": "*",
            "KOVA_ENV": "local",
            "KOVA_DATABASE_URL": "postgresql://127.0.0.1:1/none",
            "KOVA_REDIS_URL": "redis://127.0.0.1:1",
            "KOVA_SCAN_QUEUE_URL": "http://127.0.0.1:1/queue",
            "KOVA_GITHUB_WEBHOOK_SECRET": "secret",
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert "set KOVA_TRUSTED_PROXIES to the addresses of the proxies" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
