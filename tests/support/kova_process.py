"""`kova` commands as processes, forked by tests/support/fork_server.py."""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import IO, Any


class KovaProcess:
    """A running command: the part of `subprocess.Popen` that tests use."""

    def __init__(self, arguments: tuple[str, ...], status: int) -> None:
        """Wait until the command's process exists; `status` is the pipe that tells of it."""
        self.args = arguments
        self.returncode: int | None = None
        self._status = os.fdopen(status, "r")
        self.pid = int(self._status.readline())

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal; None while the command runs."""
        if self.returncode is None and select.select([self._status], [], [], 0)[0]:
            self._read_exit_code()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code; raise TimeoutExpired after some seconds."""
        if self.returncode is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self._read_exit_code()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal unless the command has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def _read_exit_code(self) -> None:
        self.returncode = int(self._status.readline())
        self._status.close()


def start_command(
    *arguments: str | Path,
    environment: Mapping[str, str] | None = None,
    stdout: IO[Any] | int,
    stderr: IO[Any] | int,
    folder: Path | None = None,
) -> KovaProcess:
    """Start `kova` with these arguments, by default in this process's environment and folder."""
    words = tuple(map(str, arguments))
    request = {
        "arguments": words,
        "environment": dict(os.environ if environment is None else environment),
        "folder": str(folder or Path.cwd()),
    }
    body = json.dumps(request).encode()
    reader, writer = os.pipe()
    streams = [
        stream if isinstance(stream, int) else stream.fileno() for stream in (stdout, stderr)
    ]
    channel = _fork_server()
    socket.send_fds(channel, [b"%8d" % len(body)], [*streams, writer])
    channel.sendall(body)
    os.close(writer)
    return KovaProcess(words, reader)


def run_command(
    *arguments: str | Path,
    environment: Mapping[str, str] | None = None,
    stdout: IO[Any] | int | None = None,
    folder: Path | None = None,
    timeout: float = 120,
) -> subprocess.CompletedProcess[str]:
    """Run `kova` with these arguments and return its exit code and what it wrote."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = start_command(
            *arguments,
            environment=environment,
            stdout=output if stdout is None else stdout,
            stderr=errors,
            folder=folder,
        )
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        return subprocess.CompletedProcess(
            process.args, code, _read_whole(output), _read_whole(errors)
        )


def _read_whole(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


@cache
def _fork_server() -> socket.socket:
    """Start this process's fork server and return the channel to it; it ends with this process."""
    channel, other_end = socket.socketpair()
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.support.fork_server", str(other_end.fileno())],
        pass_fds=[other_end.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
    )
    other_end.close()

    def stop() -> None:
        channel.close()
        server.wait()

    atexit.register(stop)
    return channel
