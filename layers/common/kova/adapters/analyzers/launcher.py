"""Starts analysers' programs for a worker, from a process that knows nothing of it.

The worker sends one message for each run on standard input, a socket: a socket of the run's own and
the program's three streams, as descriptors. The first message is the launcher's: which parts of the
confinement the kernel refuses. The run's socket carries the request (JSON, its length
before it), then the program's process id to the worker, and, once the worker closes its side of it
or sends a byte, the exit status. Whatever is left of the program is ended then; so is everything
when the worker is gone. Only the standard library is imported, and little of it.
"""

from __future__ import annotations

import json
import os
import resource
import selectors
import signal
import socket
import struct
from contextlib import suppress
from typing import Any, Final

from kova.adapters.analyzers.confinement import (
    die_with_parent,
    find_refused,
    give_up_privileges,
    leave_namespaces,
    restrict_files,
)

HEADER: Final = struct.Struct("=I")
NUMBER: Final = struct.Struct("=i")
DESCRIPTORS: Final = 4  # The run's socket, and standard input, output and error.
_FIRST_FREE: Final = 3
_NOT_STARTED: Final = 127
_OPEN_FILES: Final = 1_024
_PROCESSES: Final = 512  # Threads are counted too.


def main() -> None:
    """Serve until the worker closes its end, or ends."""
    channel = socket.socket(fileno=os.dup(0))
    channel.send(_report())
    Launcher(channel).serve()


class Launcher:
    """Starts, ends and reaps the programs."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._selector = selectors.DefaultSelector()
        self._selector.register(channel, selectors.EVENT_READ)

    def serve(self) -> None:
        """Serve until the channel is closed. The kernel ends the programs with this process."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is not self._channel:
                    self._end(key.fileobj, key.data)
                elif not self._accept():
                    return

    def _accept(self) -> bool:
        message, descriptors, _, _ = socket.recv_fds(self._channel, 1, DESCRIPTORS)
        if not message:
            return False
        with socket.socket(fileno=descriptors[0]) as run:
            size = HEADER.unpack(_read(run, HEADER.size))[0]
            request = json.loads(_read(run, size))
            pid = _start(request, descriptors[1:])
            for descriptor in descriptors[1:]:
                os.close(descriptor)
            connection = run.dup()
        with suppress(OSError):  # The worker has closed it: that is seen next.
            connection.sendall(NUMBER.pack(pid))
        self._selector.register(connection, selectors.EVENT_READ, pid)
        return True

    def _end(self, connection: Any, pid: int) -> None:
        self._selector.unregister(connection)
        end_session(pid)
        _, status = os.waitpid(pid, 0)
        with connection, suppress(OSError):
            connection.sendall(NUMBER.pack(os.waitstatus_to_exitcode(status)))


def _report() -> bytes:
    """Return what the kernel refuses, as JSON: tried by a process of its own, which gives it up."""
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.write(writer, json.dumps(find_refused()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        report = pipe.read()
    os.waitpid(pid, 0)
    return report


def end_session(pid: int) -> None:
    """Kill a program and all processes of its session; it may not have begun one yet."""
    for kill in (os.killpg, os.kill):
        with suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)


def _read(connection: socket.socket, size: int) -> bytes:
    return connection.recv(size, socket.MSG_WAITALL)


def _start(request: dict[str, Any], streams: list[int]) -> int:
    """Start a program in a session of its own, confined and with its limits; return its id."""
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        _become(request, streams, parent)
    except BaseException as exc:  # noqa: BLE001 (the process must not go on as a launcher)
        os.write(2, f"{type(exc).__name__}: {exc}\n".encode(errors="replace"))
    os._exit(_NOT_STARTED)


def _become(request: dict[str, Any], streams: list[int], parent: int) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.closerange(_FIRST_FREE, _OPEN_FILES)
    die_with_parent(parent)
    os.chdir(os.fsencode(request["folder"]))
    limits = {
        resource.RLIMIT_AS: request["address_space"],
        resource.RLIMIT_FSIZE: request["output"],
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: _OPEN_FILES,
    }
    has_namespace_of_users, _ = leave_namespaces()
    if has_namespace_of_users:
        limits[resource.RLIMIT_NPROC] = _PROCESSES  # Elsewhere the user's other ones count.
    give_up_privileges()
    restrict_files(request["readable"], request["writable"])
    for kind, limit in limits.items():
        _, most = resource.getrlimit(kind)
        lowered = limit if most == resource.RLIM_INFINITY else min(limit, most)
        resource.setrlimit(kind, (lowered, lowered))
    command = [os.fsencode(argument) for argument in request["command"]]
    os.execvpe(command[0], command, request["variables"])  # noqa: S606 (no shell is wanted)
