"""Ports on the loopback; a service gets the same port at every start if it is free."""

from __future__ import annotations

import json
import socket
from pathlib import Path


def is_free(port: int) -> bool:
    """True if nothing listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def remembered_port(file: Path, name: str) -> int:
    """Return the port of this name at the last start, or a new one, and store it in the file."""
    ports: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
    port = ports.get(name)
    if port is None or not is_free(port):
        port = free_port()
        while port in ports.values():
            port = free_port()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(ports | {name: port}))
    return port
