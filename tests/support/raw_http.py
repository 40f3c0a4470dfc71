"""HTTP byte by byte: what no client library sends."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, kw_only=True)
class RawAnswer:
    """One answer as it stands on the wire."""

    status: int
    head: str
    body: str

    @property
    def headers(self) -> list[tuple[str, str]]:
        lines = self.head.split("\r\n")[1:]
        pairs = [line.partition(": ") for line in lines]
        return [(name.lower(), value) for name, _, value in pairs]


def split_answers(received: bytes) -> Iterator[RawAnswer]:
    """Return the answers of a connection, each with a declared length."""
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 "), received[:200]
        match = re.search(rb"(?im)^content-length: (\d+)\r?$", head)
        length = int(match[1]) if match else 0
        if b"transfer-encoding" in head.lower():
            length = rest.index(b"0\r\n\r\n") + 5
        if not match and b"connection: close" in head.lower():
            length = len(rest)
        yield RawAnswer(
            status=int(head[9:12]),
            head=head.decode("latin-1"),
            body=rest[:length].decode("utf-8", "replace"),
        )
        received = rest[length:]


def connect(url: str) -> socket.socket:
    """Return a connection to a server."""
    address = urlsplit(url)
    return socket.create_connection((str(address.hostname), int(address.port or 0)), 30)


def talk(url: str, sent: bytes) -> list[RawAnswer]:
    """Send bytes, and return all answers until the server closes."""
    with connect(url) as raw:
        parts = []
        try:
            raw.sendall(sent)
            while part := raw.recv(65_536):
                parts.append(part)
        except (ConnectionResetError, BrokenPipeError):
            # It refused before everything was sent, as it may.
            return list(split_answers(b"".join(parts)))
    return list(split_answers(b"".join(parts)))
