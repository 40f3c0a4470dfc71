"""The worker's side of the launcher (launcher.py): one for the whole process, started at need."""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Final

from kova.adapters.analyzers.launcher import HEADER, NUMBER

_BOOT: Final = (
    "import sys; sys.path[:0] = sys.argv[1].split(':'); "
    "from importlib import import_module; import_module(sys.argv[2]).main()"
)
_LOG = logging.getLogger("kova.analyzers")
_REPORT_BYTES: Final = 1_000
_ATTEMPTS: Final = 2  # A launcher may have been killed since the last run.


class LauncherGoneError(Exception):
    """The launcher ended while a program ran, which the kernel ended then."""


def python_command(module: str, *options: str) -> list[str]:
    """Return the command of a module's `main` in a Python that finds nothing else by itself."""
    paths = ":".join(path for path in sys.path if path.startswith("/"))
    return [sys.executable, "-I", "-B", "-X", "utf8", *options, "-c", _BOOT, paths, module]


@dataclass(frozen=True, kw_only=True)
class LaunchRequest:
    """What to start.

    Attributes:
        command: the program and its arguments.
        folder: where it runs.
        variables: all of its environment.
        readable: files and folders that it may read, beside those of the system.
        writable: folders that it may write to.
        address_space: bytes.
        output: the size of the largest file that it may write, in bytes.
    """

    command: Sequence[str]
    folder: str
    variables: Mapping[str, str]
    readable: Sequence[str]
    writable: Sequence[str]
    address_space: int
    output: int


class LaunchedProgram:
    """A program that the launcher has started. Its id stays its own until `end`."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.pid = self._receive()

    def end(self) -> int:
        """End what is left of it; return its exit code, or the negative number of a signal.

        Raises:
            LauncherGoneError: nobody knows how it ended.
        """
        with self._connection:
            with suppress(OSError):
                self._connection.sendall(b"e")
            return self._receive()

    def _receive(self) -> int:
        message = b""
        with suppress(ConnectionError):
            message = self._connection.recv(NUMBER.size, socket.MSG_WAITALL)
        if len(message) < NUMBER.size:
            raise LauncherGoneError
        return int(NUMBER.unpack(message)[0])


class ProgramLauncher:
    """Starts programs through a launcher, for all threads of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._channel: socket.socket | None = None
        self._pid = 0

    def launch(self, request: LaunchRequest, streams: Sequence[int]) -> LaunchedProgram:
        """Start a program with these descriptors as its three streams.

        Raises:
            LauncherGoneError: the launcher ended twice meanwhile.
        """
        body = json.dumps(asdict(request)).encode()
        for _ in range(_ATTEMPTS):
            channel = self._open_channel()
            ours, theirs = socket.socketpair()
            try:
                with theirs:
                    socket.send_fds(channel, [b"r"], [theirs.fileno(), *streams])
                ours.sendall(HEADER.pack(len(body)) + body)
                return LaunchedProgram(ours)
            except (OSError, LauncherGoneError):  # Or another thread has closed the channel.
                ours.close()
                self._close(channel)
        raise LauncherGoneError

    def forget(self) -> None:
        """Leave the launcher to the process from which this one was forked."""
        self._lock = threading.Lock()
        if self._channel is not None:
            self._channel.close()
        self._channel, self._pid = None, 0

    def _open_channel(self) -> socket.socket:
        with self._lock:
            if self._channel is None:
                self._channel, self._pid = _start_launcher()
                _log_report(self._channel)
            return self._channel

    def _close(self, channel: socket.socket) -> None:
        """Close a channel, at whose end its launcher ends, unless another thread has."""
        with self._lock:
            if self._channel is not channel:
                return
            channel.close()
            with suppress(ChildProcessError):
                os.waitpid(self._pid, 0)
            self._channel, self._pid = None, 0


def _log_report(channel: socket.socket) -> None:
    """Log what the kernel refuses; a launcher that is gone already is seen at the first run."""
    if report := channel.recv(_REPORT_BYTES):
        refused = json.loads(report)
        level = logging.WARNING if refused else logging.INFO
        _LOG.log(level, "analysers' programs are confined", extra={"except_for": refused})


def _start_launcher() -> tuple[socket.socket, int]:
    """Start a launcher, and keep this process's memory from what it will start."""
    # Only here: no other process pays for ctypes.
    from kova.adapters.analyzers.confinement import close_memory

    close_memory()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        pid = os.posix_spawn(
            sys.executable,
            python_command("kova.adapters.analyzers.launcher", "-S"),
            {"LC_ALL": "C.UTF-8"},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, theirs.fileno(), 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            ],
            setsid=True,
        )
    return ours, pid
