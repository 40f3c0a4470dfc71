"""nginx in front of `kova up`: slow clients, bodies that nobody signed, and whose address it is."""

from __future__ import annotations

import hashlib
import hmac
import json
import select
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.checks.nginx import write_certificate
from tests.embedded.test_up import Up, run_up
from tests.support.eventually import eventually
from tests.support.nginx import PROGRAM, lay_out
from tests.support.ports import own_port
from tests.watching.conftest import running

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="nginx is not installed")
QUOTA = 20
SLOW = 1_000
PATIENCE = 10
OUTER_PROXY = "127.0.0.99"


@dataclass(frozen=True, kw_only=True)
class Nginx:
    """A running nginx, and the stack behind it."""

    port: int
    tls_port: int
    up: Up
    scraper: httpx.Client

    def send(self, source: str, method: str, path: str, **options: object) -> httpx.Response:
        """Send a request from an address of the loopback."""
        return send(f"http://127.0.0.1:{self.port}", source, method, path, **options)

    def counted(self) -> float:
        """Return how many requests the application has had, but for health and metrics."""
        lines = self.scraper.get("/metrics").text.splitlines()
        quiet = ('route="/health"', 'route="/metrics"')
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in lines
            if line.startswith("kova_http_requests_total{") and not any(q in line for q in quiet)
        )


def send(address: str, source: str, method: str, path: str, **options: object) -> httpx.Response:
    transport = httpx.HTTPTransport(local_address=source)
    with httpx.Client(transport=transport, base_url=address, timeout=30) as client:
        return client.request(method, path, **options)  # type: ignore[arg-type]


@contextmanager
def run_nginx(folder: Path, up: Up, scraper: httpx.Client) -> Iterator[Nginx]:
    """Run nginx with its files of deploy/; only its ports are others."""
    assert PROGRAM is not None
    plain, tls = own_port(), own_port()
    with ExitStack() as stack:
        for form, ports in (("plain", {8080: plain}), ("tls", {8443: tls, 8080: own_port()})):
            values = {
                "KOVA_API_ADDRESS": f"127.0.0.1:{up.port}",
                "KOVA_OUTER_PROXY": OUTER_PROXY,
            }
            main = lay_out(folder / form, form, values)
            write_certificate(folder / form / "tls")
            server = folder / form / "conf.d/server.conf"
            text = server.read_text()
            for port, own in ports.items():
                text = text.replace(f"listen {port}", f"listen 127.0.0.1:{own}")
            server.write_text(text)
            command = [PROGRAM, "-c", str(main), "-p", str(folder / form), "-g", "daemon off;"]
            log = folder / f"{form}.log"
            stack.enter_context(running(command, log))
            for own in ports.values():
                eventually(lambda own=own: _listens(own), 30, otherwise=log.read_text)  # type: ignore[misc]
        yield Nginx(port=plain, tls_port=tls, up=up, scraper=scraper)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    folder = tmp_path_factory.mktemp("nginx")
    settings = {
        "KOVA_RATE_LIMIT_PER_MINUTE": str(QUOTA),
        "KOVA_METRICS_TOKEN": "token-of-tests",
        "KOVA_TRUSTED_PROXIES": "127.0.0.1",
    }
    headers = {"Authorization": "Bearer token-of-tests"}
    with run_up(folder / "data", **settings) as up:
        address = f"http://127.0.0.1:{up.port}"
        with (
            httpx.Client(base_url=address, headers=headers, timeout=10) as scraper,
            run_nginx(folder, up, scraper) as running_nginx,
        ):
            yield running_nginx


def test_a_thousand_slow_clients_do_not_stop_health(nginx: Nginx) -> None:
    head = b"POST /webhooks/github HTTP/1.1\r\nHost: kova\r\n"
    body = b"Content-Length: 1000\r\nX-Hub-Signature-256: sha256=" + b"0" * 64 + b"\r\n\r\n{"
    with ExitStack() as stack:
        clients = []
        for number in range(SLOW):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", nginx.port), 5))
            # One half is slow in the head, the other in the body.
            client.sendall(head + (body if number % 2 else b""))
            clients.append(client)
        started = time.monotonic()
        answer = nginx.send("127.0.0.1", "GET", "/health")
        seconds = time.monotonic() - started
        answered, _, _ = _readable(clients, 0)
        assert (answer.status_code, answered) == (200, 0)
        assert seconds < 3
        # And nobody waits for them for ever.
        ends, late, _ = _readable(clients, PATIENCE + 20)
        assert (ends, late) == (SLOW, 0)


def _readable(clients: list[socket.socket], seconds: float) -> tuple[int, int, float]:
    """Return how many were answered or left within the seconds, and how many were not."""
    poll = select.poll()
    for client in clients:
        poll.register(client, select.POLLIN)
    end = time.monotonic() + seconds
    ended = 0
    while ended < len(clients):
        events = poll.poll(max(0.0, end - time.monotonic()) * 1000)
        if not events:
            break
        for number, _ in events:
            poll.unregister(number)
        ended += len(events)
    return ended, len(clients) - ended, end - time.monotonic()


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/webhooks/github", 401, "bad_signature"),
        ("/api/scan", 413, "too_large"),
        ("/ai/command", 413, "too_large"),
        ("/setup", 413, "too_large"),
        ("/api/scans/1/sarif", 413, "too_large"),
    ],
)
def test_twenty_megabytes_are_refused_before_kova_hears_of_them(
    nginx: Nginx, path: str, status: int, reason: str
) -> None:
    before = nginx.counted()
    body = b"x" * 20_000_000
    answer = nginx.send("127.0.0.2", "POST", path, content=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["reason"]) == (status, reason)
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert nginx.counted() == before


def test_a_signed_body_reaches_kova_and_no_version_is_told(nginx: Nginx) -> None:
    before = nginx.counted()
    body = json.dumps({"zen": "x" * 20_000_000}).encode()
    secret = nginx.up.settings["KOVA_GITHUB_WEBHOOK_SECRET"].encode()
    headers = {
        "content-type": "application/json",
        "x-github-event": "ping",
        "x-github-delivery": "d-1",
        "x-hub-signature-256": "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest(),
    }
    answer = nginx.send("127.0.0.2", "POST", "/webhooks/github", content=body, headers=headers)
    assert answer.status_code == 202
    assert answer.headers["server"] == "nginx"
    assert nginx.counted() == before + 1


def statuses(nginx: Nginx, source: str, count: int, **headers: str) -> list[int]:
    answers = (
        nginx.send(source, "GET", "/api/scans", headers=headers).status_code for _ in range(count)
    )
    return sorted(set(answers))


def test_limits_go_by_the_address_of_the_client(nginx: Nginx) -> None:
    # Whatever it says of itself: it is always the same client.
    for number in range(QUOTA):
        said = f"198.51.100.{number}"
        assert statuses(nginx, "127.0.0.5", 1, **{"x-forwarded-for": said}) == [401]
    assert statuses(nginx, "127.0.0.5", 3) == [429]
    assert statuses(nginx, "127.0.0.6", 3) == [401]


def test_a_proxy_before_nginx_is_believed(nginx: Nginx) -> None:
    first = {"x-forwarded-for": "198.51.100.77"}
    assert statuses(nginx, OUTER_PROXY, QUOTA, **first) == [401]
    assert statuses(nginx, OUTER_PROXY, 2, **first) == [429]
    assert statuses(nginx, OUTER_PROXY, 2, **{"x-forwarded-for": "198.51.100.78"}) == [401]


def test_who_comes_past_nginx_is_not_believed(nginx: Nginx) -> None:
    answers = {
        send(
            f"http://127.0.0.1:{nginx.up.port}",
            "127.0.0.7",
            "GET",
            "/api/scans",
            headers={"x-forwarded-for": f"203.0.113.{number}"},
        ).status_code
        for number in range(QUOTA + 2)
    }
    assert answers == {401, 429}


def test_tls_is_spoken_with_the_users_certificate(nginx: Nginx) -> None:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    answer = httpx.get(f"https://127.0.0.1:{nginx.tls_port}/health", verify=context)
    assert answer.status_code == 200
    assert len(answer.headers.get_list("strict-transport-security")) == 1
