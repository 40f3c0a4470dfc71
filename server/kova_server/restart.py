"""A process of the server form begins anew when its App's file or one of its secrets changes.

It replaces itself by itself, with the environment that it was started with: nobody has to restart
it, whatever supervises it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NoReturn, Protocol

import uvicorn

from kova.bootstrap.environment import SECONDS, environment
from kova.bootstrap.settings import Settings
from kova.shared.exceptions import KovaError

_LOG = logging.getLogger("kova.restart")
LOOK_SECONDS: Final = 0.5
_SECRETS_LOOK_SECONDS: Final = 5.0
# While GitHub is not configured, /setup of another process may store the App at any moment.
_WAITING_SECONDS: Final = 15.0
_SECRET_NAMES: Final = ("KOVA_SECRETS_ARN", "KOVA_DATABASE_SECRET_ARN")


class ServeError(KovaError):
    """The server cannot start."""

    reason = "serve"


class Watch(Protocol):
    """Tells whether something that a process was started with is another one now."""

    def has_changed(self) -> bool:
        """True from the moment of the change on."""
        ...


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


class SecretsWatch:
    """Tells whether a secret of AWS has another value than at first.

    A thread of its own asks Secrets Manager, so that no request waits for it.
    """

    def __init__(
        self,
        read: Callable[[float], Mapping[str, str]],
        max_age: float,
        check: Callable[[Mapping[str, str]], object] = lambda _: None,
    ) -> None:
        """Read the values that count as the first ones.

        Args:
            read: returns the variables in force, secrets no older than the given seconds.
            max_age: seconds after which a change is seen.
            check: raises KovaError for variables with which the process could not start.
        """
        self._read = read
        self._max_age = max_age
        self._check = check
        self._first = read(max_age)
        self._refused = self._first
        self._changed = False

    def has_changed(self) -> bool:
        """True if a look has found another value."""
        return self._changed

    def look(self) -> None:
        """Read the secrets, unless they were read less than `max_age` seconds ago.

        Values with which the process could not start are logged once, and change nothing.
        """
        variables = self._read(self._max_age)
        if variables in (self._first, self._refused):
            return
        try:
            self._check(variables)
        except KovaError as exc:
            self._refused = variables
            _LOG.error("secrets not taken into use", extra={"detail": exc.message})
        else:
            self._changed = True

    def start(self, pause: float = _SECRETS_LOOK_SECONDS) -> None:
        """Look, with this pause in seconds between, until a change is seen."""

        def repeat() -> None:
            while not self._changed:
                time.sleep(pause)
                try:
                    self.look()
                except Exception:  # noqa: BLE001 (the thread must not end: nobody else looks)
                    _LOG.exception("secrets not looked at")

        threading.Thread(target=repeat, daemon=True, name="secrets").start()


def watch_credentials(
    variables: Mapping[str, str], check: Callable[[Mapping[str, str]], object]
) -> Watch:
    """Return the watch over where this process has its credentials from: secrets, or a file.

    Args:
        variables: those that the process was started with.
        check: raises KovaError for variables with which it could not start.
    """
    if not _has_secrets(variables):
        return FileWatch(variables.get("KOVA_GITHUB_APP_FILE"))
    knows_github = variables.get("KOVA_GITHUB_TOKEN") or variables.get("KOVA_GITHUB_APP_ID")
    secret_names = environment().keys()
    others = {name: text for name, text in variables.items() if name not in secret_names}
    watch = SecretsWatch(
        environment,
        SECONDS if knows_github else _WAITING_SECONDS,
        lambda changed: check({**others, **changed}),
    )
    watch.start()
    return watch


def _has_secrets(variables: Mapping[str, str]) -> bool:
    return any(variables.get(name) for name in _SECRET_NAMES)


def restart(variables: Mapping[str, str]) -> NoReturn:
    """Replace this process by a new one with the same command line."""
    _LOG.info("credentials changed: starting anew")
    logging.shutdown()
    arguments = [sys.executable, *sys.orig_argv[1:]]
    os.execve(sys.executable, arguments, dict(variables))  # noqa: S606 (its own command line)


def serve_until_changed(
    config: uvicorn.Config,
    sockets: list[socket.socket],
    watch: Watch,
    each_second: Callable[[], object],
) -> bool:
    """Serve until a signal comes or the credentials change; return whether they have changed.

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


def waits_for_app(variables: Mapping[str, str], settings: Settings) -> bool:
    """True if GitHub is not configured yet, and a file or a secret will tell when it is."""
    configured = settings.github_token or settings.github_app_id
    return not configured and (settings.setup.app_file is not None or _has_secrets(variables))


def wait_for_app(watch: Watch) -> None:
    """Return when the credentials are there."""
    _LOG.info("waiting for the GitHub App: open /setup")
    while not watch.has_changed():
        time.sleep(LOOK_SECONDS)
