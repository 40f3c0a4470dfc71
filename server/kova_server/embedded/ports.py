"""Ports on the loopback; a service gets the same port at every start if it is free."""

from __future__ import annotations

import json
import random
import socket
from pathlib import Path
from typing import Final

from kova.adapters.private_file import write_privately
from kova_server.embedded.files import Announce

_HIGHEST: Final = 65_535
_OWN: Final = range(20_000, 32_768)
"""Below those that systems lend to clients: what is free now may be lent before a service binds."""


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
    """Return a port that nothing listens on, by chance: others may look for one just now."""
    while True:
        port = random.choice(_OWN)  # noqa: S311 (no secret)
        if is_free(port):
            return port


def remembered_port(file: Path, name: str, announce: Announce) -> int:
    """Return the port of this name at the last start, or a new one, and store it in the file."""
    ports = _read_ports(file, announce)
    port = ports.get(name)
    if port is None or not is_free(port):
        port = free_port()
        while port in ports.values():
            port = free_port()
        file.parent.mkdir(parents=True, exist_ok=True)
        write_privately(file, json.dumps(ports | {name: port}).encode())
    return port


def _read_ports(file: Path, announce: Announce) -> dict[str, int]:
    try:
        ports = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError):
        ports = None
    if isinstance(ports, dict) and all(_is_port(port) for port in ports.values()):
        return ports
    announce(f"{file} held no ports: new ones are chosen")
    return {}


def _is_port(value: object) -> bool:
    return type(value) is int and 0 < value <= _HIGHEST
