"""Addresses of Postgres as libpq reads them, without connecting."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

_NUMBERS: Final = (
    "connect_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
)
_FILES: Final = ("sslrootcert", "sslcert", "sslkey", "sslcrl", "sslcrldir")
_NOWHERE: Final = "/nowhere"
"""A folder of sockets: connecting to one fails at once, after libpq has read the options."""


def check_address(url: str) -> None:
    """Raise ValueError where libpq cannot use an address; its text is not repeated.

    libpq refuses a parameter that it does not know while it parses, and a value or a port while it
    begins to connect.
    """
    if not url.startswith(("postgresql://", "postgres://")):
        raise ValueError
    try:
        parameters = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    except psycopg.Error as exc:
        raise ValueError from exc
    for name in _NUMBERS:
        int(parameters.get(name, 0))
    if not all(_exists(parameters[name]) for name in _FILES if name in parameters):
        raise ValueError
    hosts = parameters.pop("hostaddr", "") or parameters.get("host", "")
    parameters["host"] = ",".join([_NOWHERE] * (hosts.count(",") + 1))
    connection = pq.PGconn.connect_start(make_conninfo(**parameters).encode())
    try:
        if _NOWHERE not in connection.get_error_message():
            raise ValueError
    finally:
        connection.finish()


def describe_server(url: str) -> str:
    """Return where an address leads, `host:port`, for messages: no password is in it."""
    parameters = conninfo_to_dict(url)
    hosts = str(parameters.get("host") or parameters.get("hostaddr") or "localhost").split(",")
    ports = str(parameters.get("port") or "5432").split(",")
    ports *= len(hosts) if len(ports) == 1 else 1
    return ", ".join(f"{host}:{port}" for host, port in zip(hosts, ports, strict=False))


def _exists(file: str) -> bool:
    return file == "system" or Path(file).exists()
