"""`python -m bench.attacks`: /health and the server's memory beside requests without a key.

`kova up` runs as people run it; each attack comes from a process of its own for some seconds, while
/health is asked again and again. The p99 of an attack is compared with the idle ones before and
after it: an absolute time on a shared machine proves nothing. The attackers share the machine, so
they say nothing more than they must.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Final

from kova_server.embedded.ports import is_free

SECONDS: Final = 10.0
MOST_TIMES: Final = 5.0
MOST_MEGABYTES: Final = 100.0
_CONNECTIONS: Final = 4
_SLOW_CONNECTIONS: Final = 300
_PART: Final = 65_536
_START_SECONDS: Final = 60.0
_JSON: Final = "Content-Type: application/json"


def _objects() -> bytes:
    return b"[" + b",".join([b'{"a":{"b":[1]}}'] * 650_000) + b"]"


def _text() -> bytes:
    return b'{"command":"' + b"x" * 10_000_000 + b'"}'


def _nested() -> bytes:
    return b'{"a":' * 2_000_000


def _webhook() -> bytes:
    return b'{"commits":[' + b",".join([b'{"id":"a"}'] * 2_000_000) + b"]}"


UPLOADS: Final[dict[str, tuple[str, Callable[[], bytes], tuple[str, ...]]]] = {
    "10 MB of small objects": ("/ai/command", _objects, (_JSON,)),
    "one string of 10 MB": ("/api/scan", _text, (_JSON,)),
    "10 MB of brackets": ("/api/scan", _nested, (_JSON,)),
    "small objects under a key that nobody has": (
        "/api/scan",
        _objects,
        (_JSON, f"Authorization: Bearer kova_{'a' * 50}"),
    ),
    "a webhook of 22 MB without a signature": (
        "/webhooks/github",
        _webhook,
        (_JSON, "X-GitHub-Event: push", "X-GitHub-Delivery: 1"),
    ),
    "a webhook of 22 MB with a wrong signature": (
        "/webhooks/github",
        _webhook,
        (_JSON, "X-GitHub-Event: push", f"X-Hub-Signature-256: sha256={'0' * 64}"),
    ),
}
SLOW: Final = {
    "heads that never end": b"GET /health HTTP/1.1\r\nHost: kova\r\nX-A: ",
    "bodies that never end": (
        b"POST /webhooks/github HTTP/1.1\r\nHost: kova\r\nContent-Length: 1000\r\n"
        b"Content-Type: application/json\r\nX-Hub-Signature-256: sha256=" + b"0" * 64 + b"\r\n\r\n{"
    ),
}


def upload(name: str, port: int, end: Event) -> None:
    """Send a body over some connections, again and again."""
    path, make, headers = UPLOADS[name]
    body = make()
    lines = [f"POST {path} HTTP/1.1", "Host: kova", *headers, f"Content-Length: {len(body)}"]
    request = "\r\n".join([*lines, "", ""]).encode() + body

    def send() -> None:
        while not end.is_set():
            # Refused in the middle: that is the point.
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", port), 5) as client,
            ):
                for start in range(0, len(request), _PART):
                    client.sendall(request[start : start + _PART])
                client.recv(_PART)

    threads = [threading.Thread(target=send) for _ in range(_CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def drip(name: str, port: int, end: Event) -> None:
    """Keep many connections open with one byte each second."""
    clients: list[socket.socket | None] = [None] * _SLOW_CONNECTIONS
    while not end.wait(1):
        clients = [_send_byte(client, name, port) for client in clients]


def _send_byte(client: socket.socket | None, name: str, port: int) -> socket.socket | None:
    """Send one more byte, over a new connection where there is none; None where it is closed."""
    try:
        if client is None:
            client = socket.create_connection(("127.0.0.1", port), 5)
            client.sendall(SLOW[name])
        client.sendall(b"x")
    except OSError:
        return None
    return client


def ask_health(port: int, seconds: float) -> list[float]:
    """Ask /health one time after the other; return the milliseconds of each."""
    durations: list[float] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        started = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/health")
        answer = connection.getresponse()
        answer.read()
        connection.close()
        if answer.status != http.HTTPStatus.OK:
            raise SystemExit(f"/health answered {answer.status}.")
        durations.append((time.perf_counter() - started) * 1_000)
    return durations


def read_memory(pid: int) -> float:
    """Return the memory of a process in megabytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) / 1_024


@contextmanager
def running_server(folder: Path) -> Iterator[tuple[int, int]]:
    """Run `kova up`; yield the port and the process id of its server."""
    port = next(filter(is_free, itertools.count(18_000)))
    command = [sys.executable, "-m", "kova_server", "up", "--port", str(port)]
    with (folder / "up.out").open("wb") as output:
        process = subprocess.Popen(
            [*command, "--data", str(folder / "data")],
            # Each request is to reach the check of keys: the limit would refuse it before that.
            env={**os.environ, "KOVA_ANONYMOUS_RATE_LIMIT_PER_MINUTE": "100000"},
            stdout=output,
            stderr=output,
        )
        try:
            _wait_for(port)
            identity = json.loads((folder / "data" / "run" / "api.json").read_text())
            yield port, int(identity["pid"])
        finally:
            process.terminate()
            process.wait(60)


def _wait_for(port: int) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            ask_health(port, 0.1)
            return
        time.sleep(0.1)
    raise SystemExit("kova up did not start.")


@contextmanager
def attack(name: str, port: int) -> Iterator[None]:
    """Attack from another process while the block runs."""
    context = multiprocessing.get_context("spawn")
    end = context.Event()
    target = upload if name in UPLOADS else drip
    process = context.Process(target=target, args=(name, port, end))
    process.start()
    time.sleep(2)  # Until its body is made.
    try:
        yield
    finally:
        end.set()
        process.join(30)


def main() -> None:
    """Run and print."""
    with (
        tempfile.TemporaryDirectory(prefix="kova-bench-") as name,
        running_server(Path(name)) as (port, pid),
    ):
        ask_health(port, SECONDS / 2)
        memory = read_memory(pid)
        print(f"{'attack':<45} {'idle p99':>9} {'p99':>9} {'times':>6} {'memory':>8}")
        for title in (*UPLOADS, *SLOW):
            idle = ask_health(port, SECONDS / 2)
            with attack(title, port):
                beside = ask_health(port, SECONDS)
                grown = read_memory(pid) - memory
            idle += ask_health(port, SECONDS / 2)
            _print_row(title, _p99(idle), _p99(beside), grown)


def _p99(durations: list[float]) -> float:
    return statistics.quantiles(durations, n=100)[-1]


def _print_row(title: str, idle: float, beside: float, grown: float) -> None:
    holds = beside <= MOST_TIMES * idle and grown < MOST_MEGABYTES
    figures = f"{idle:>6.1f} ms {beside:>6.1f} ms {beside / idle:>5.1f}x {grown:>5.0f} MB"
    print(f"{title:<45} {figures} {'' if holds else 'NO'}".rstrip(), flush=True)


if __name__ == "__main__":
    main()
