"""AWS by moto, over HTTP, without anything in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from moto.server import ThreadedMotoServer


@contextmanager
def serve_aws() -> Iterator[str]:
    """Serve an empty AWS and yield its address: one at a time in a process.

    moto keeps its state in the process: what earlier tests have made is removed.
    """
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        httpx.post(f"{url}/moto-api/reset", timeout=30).raise_for_status()
        yield url
    finally:
        server.stop()
