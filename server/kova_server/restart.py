"""A process of the server form begins anew when the file of its App's credentials changes.

It replaces itself by itself, with the environment that it was started with: nobody has to restart
it, whatever supervises it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NoReturn

import uvicorn

from kova.bootstrap.settings import Settings
from kova.shared.exceptions import KovaError

_LOG = logging.getLogger("kova.restart")
LOOK_SECONDS: Final = 0.5


class ServeError(KovaError):
    """The server cannot start."""

    reason = "serve"


class FileWatch:
    """Tells whether a file is another one than at first; without a name it never is."""

    def __init__(self, name: str | None) -> None:
        self._file = Path(name) if name else None
        self._first = self._stamp()

    def has_changed(self) -> bool:
        """True if the file came, went, or was replaced."""
        return self._stamp() != self._first

    def _stamp(self) -> tuple[int, int] | None:
        try:
            status = self._file.stat() if self._file else None
        except OSError:
            return None
        return (status.st_mtime_ns, status.st_ino) if status else None


def restart(variables: Mapping[str, str]) -> NoReturn:
    """Replace this process by a new one with the same command line."""
    _LOG.info("GitHub App changed: starting anew")
    logging.shutdown()
    arguments = [sys.executable, *sys.orig_argv[1:]]
    os.execve(sys.executable, arguments, dict(variables))  # noqa: S606 (its own command line)


def serve_until_changed(
    config: uvicorn.Config,
    sockets: list[socket.socket],
    watch: FileWatch,
    each_second: Callable[[], object],
) -> bool:
    """Serve until a signal comes or the file changes; return whether it has changed.

    `each_second` is called in the server's event loop.

    Raises:
        ServeError: the server did not start.
    """
    server = uvicorn.Server(config)

    async def look() -> None:
        server.should_exit = server.should_exit or watch.has_changed()
        each_second()

    config.callback_notify = look
    config.timeout_notify = 0
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets)
    if not server.started:
        raise ServeError("The server did not start: its log says why.")
    return watch.has_changed()


def waits_for_app(settings: Settings) -> bool:
    """True if GitHub is not configured yet, and a file will tell when it is."""
    configured = settings.github_token or settings.github_app_id
    return not configured and settings.setup.app_file is not None


def wait_for_app(watch: FileWatch) -> None:
    """Return when the file is there."""
    _LOG.info("waiting for the GitHub App: open /setup")
    while not watch.has_changed():
        time.sleep(LOOK_SECONDS)
