"""Starts `kova` commands by forking a process that has imported them.

A new interpreter spends a second of CPU time on imports before a command begins. A fork has the
same modules, and everything else of its own: process, environment, working directory, streams.
What a command imports, and how it starts from nothing, is tested with real interpreters elsewhere.
"""

from __future__ import annotations

import gc
import importlib
import io
import json
import os
import pkgutil
import selectors
import signal
import socket
import sys
from typing import Any, Final

import kova_server.cli

# Modules that a server or a worker imports while it starts, too.
_MODULES: Final = (
    "kova_server.application",
    "kova_server.worker",
    "uvicorn.lifespan.on",
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto",
)
_HEADER: Final = 8
_DESCRIPTORS: Final = 3


class ForkServer:
    """Forks a command for each request, and writes its process id and exit code to a pipe."""

    def __init__(self, channel: socket.socket) -> None:
        """Serve the requests of one channel."""
        self._channel = channel
        self._pipes: dict[int, int] = {}
        self._selector = selectors.DefaultSelector()

    def serve(self) -> None:
        """Serve until the other end is closed; in a forked process, return to run its command."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._selector.register(reader, selectors.EVENT_READ)
        self._selector.register(self._channel, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj == reader:
                    os.read(reader, 4_096)
                    self._report_ended()
                elif not (header := self._read_header()):
                    sys.exit()
                elif self._fork(*header):
                    return

    def _read_header(self) -> tuple[dict[str, Any], list[int]] | None:
        header, descriptors, _, _ = socket.recv_fds(self._channel, _HEADER, _DESCRIPTORS)
        if len(header) < _HEADER:
            return None
        with self._channel.dup().makefile("rb") as stream:
            return json.loads(stream.read(int(header))), descriptors

    def _fork(self, request: dict[str, Any], descriptors: list[int]) -> bool:
        """Return True in the forked process."""
        *streams, pipe = descriptors
        pid = os.fork()
        if pid == 0:
            self._selector.close()
            self._channel.detach()
            _take_over(request, streams)
            return True
        for stream in streams:
            os.close(stream)
        os.write(pipe, f"{pid}\n".encode())
        self._pipes[pid] = pipe
        return False

    def _report_ended(self) -> None:
        while self._pipes:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            pipe = self._pipes.pop(pid)
            os.write(pipe, f"{os.waitstatus_to_exitcode(status)}\n".encode())
            os.close(pipe)


def _take_over(request: dict[str, Any], streams: list[int]) -> None:
    """Give this process what the requested command has of its own."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, stream in enumerate(streams, start=1):
        os.dup2(stream, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = ["kova", *request["arguments"]]
    sys.orig_argv = [sys.executable, "-m", "kova_server", *request["arguments"]]
    sys.stdout = sys.__stdout__ = _open_stream(1)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _open_stream(  # type: ignore[misc]
        2, errors="backslashreplace", line_buffering=True
    )


def _open_stream(number: int, **options: Any) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BufferedWriter(io.FileIO(number, "w", closefd=False)), **options)


def main() -> None:
    """Import what commands import, serve, and run the command where this is a fork."""
    from kova_server.__main__ import main as run

    for module in pkgutil.iter_modules(kova_server.cli.__path__, "kova_server.cli."):
        importlib.import_module(module.name)
    for name in _MODULES:
        importlib.import_module(name)
    gc.freeze()
    ForkServer(socket.socket(fileno=int(sys.argv[1]))).serve()
    run()


if __name__ == "__main__":
    main()
