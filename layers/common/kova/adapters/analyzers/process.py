"""Run one analyser in a process of its own, with limits on time, memory and output."""

from __future__ import annotations

import os
import resource
import select
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from kova.adapters.analyzers.launcher import end_session
from kova.adapters.analyzers.launching import (
    LaunchedProgram,
    LauncherGoneError,
    LaunchRequest,
    ProgramLauncher,
)
from kova.shared.exceptions import KovaError


@dataclass(frozen=True, kw_only=True)
class ProcessLimits:
    """What one run may cost. Sizes in bytes, time in wall seconds.

    `memory` is what the process holds resident, which is what the machine has to give; with
    `shares_memory` it is what all such programs of a worker hold together. `address_space` is a
    hard stop set before the program's first instruction, above what runtimes reserve and never
    touch. `output` is small because its JSON takes ten times as much once it is read.
    """

    seconds: float = 120.0
    memory: int = 192 * 1024**2
    shares_memory: bool = True
    address_space: int = 4 * 1024**3
    output: int = 8 * 1024**2


@dataclass(frozen=True, kw_only=True)
class Completed:
    """How a process ended. `reason` is None, or why its output is not to be trusted."""

    status: int
    output: bytes
    errors: str
    reason: str | None


class StoppedError(KovaError):
    """The analysers were asked to stop."""

    reason = "stopped"


class _Running:
    """The process groups that run now: ended all at once, and counted together."""

    def __init__(self) -> None:
        # A signal's handler may interrupt the thread that holds the lock.
        self._lock = threading.RLock()
        self._groups: set[int] = set()
        self._resident: dict[int, int] = {}
        self._stopped = False

    def add(self, group: int) -> bool:
        """Remember a group; False when it must not run any more."""
        with self._lock:
            self._groups.add(group)
            return not self._stopped

    def remove(self, group: int) -> None:
        with self._lock:
            self._groups.discard(group)
            self._resident.pop(group, None)

    def is_too_large(self, group: int, resident: int, limits: ProcessLimits) -> bool:
        """Tell whether a program has to end for its memory, or as the largest of too much."""
        if not limits.shares_memory:
            return resident > limits.memory
        with self._lock:
            self._resident[group] = resident
            if resident <= min(_LIGHT, limits.memory):
                return False
            together = sum(self._resident.values())
            return together > limits.memory and resident == max(self._resident.values())

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            for group in self._groups:
                end_session(group)

    def check(self) -> None:
        if self._stopped:
            raise StoppedError


_RUNNING: Final = _Running()


def stop_programs() -> None:
    """End every program that runs for an analyser, and start none any more.

    For a process that is about to end: what waits for a program raises StoppedError.
    """
    _RUNNING.stop()


# The analyser learns nothing of the worker: no credentials, no home, no proxy.
_ENVIRONMENT: Mapping[str, str] = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
}
_LAUNCHER: Final = ProgramLauncher()
os.register_at_fork(after_in_child=_LAUNCHER.forget)
_LOOK_EVERY: Final = 0.05  # Seconds between two looks at the memory.
_LIGHT: Final = 80 * 1024**2
"""A program of so much is never ended for what the others hold: they may be another scan's."""
_ERRORS: Final = (
    1_000_000  # Bytes of standard error that are read: a line for each file of a batch.
)
_PAGE: Final = resource.getpagesize()


def run(
    command: Sequence[str],
    *,
    folder: Path,
    limits: ProcessLimits,
    stdin: bytes = b"",
    variables: Mapping[str, str] | None = None,
    readable: Sequence[Path] = (),
    writable: Sequence[Path] = (),
) -> Completed:
    """Run a command in a folder and collect its output.

    It reads the folder and its own program, and has no network, as far as the machine can see to
    that (ADR 29). Output goes through files, so that a flood of it costs disk up to the limit and
    no memory.

    Args:
        command: the program and its arguments.
        folder: where it runs.
        limits: what it may cost.
        stdin: what it reads.
        variables: environment variables beside the few that every analyser gets.
        readable: what else it reads.
        writable: folders that it may write to.

    Raises:
        StoppedError: `stop_programs` was called.
    """
    request = LaunchRequest(
        command=command,
        folder=str(folder),
        variables={**_ENVIRONMENT, **(variables or {})},
        readable=[*_program_files(command[0]), *map(str, (folder, *readable))],
        writable=[str(path) for path in writable],
        address_space=limits.address_space,
        output=limits.output,
    )
    with (
        tempfile.TemporaryFile() as stdin_file,
        tempfile.TemporaryFile() as output,
        tempfile.TemporaryFile() as errors,
    ):
        stdin_file.write(stdin)
        stdin_file.seek(0)
        _RUNNING.check()
        streams = [file.fileno() for file in (stdin_file, output, errors)]
        status, reason = _supervise(_LAUNCHER.launch(request, streams), limits)
        _RUNNING.check()
        if output.seek(0, os.SEEK_END) >= limits.output:
            reason = "too_much_output"
        output.seek(0)
        errors.seek(0)
        return Completed(
            status=status,
            output=output.read(limits.output),
            errors=errors.read(_ERRORS).decode("utf-8", "replace"),
            reason=reason,
        )


def _supervise(program: LaunchedProgram, limits: ProcessLimits) -> tuple[int, str | None]:
    """Wait for the end; return the status, and why the program had to be ended."""
    reason = None
    try:
        if _RUNNING.add(program.pid):
            reason = _watch(program.pid, limits)
    finally:
        _RUNNING.remove(program.pid)  # Before its end: then the number may be another's.
        status = _end(program)
    return status, reason


def _watch(pid: int, limits: ProcessLimits) -> str | None:
    """Wait for the end; return why the process must be ended, or None when it ended by itself."""
    deadline = time.monotonic() + limits.seconds
    handle = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        while (remaining := deadline - time.monotonic()) > 0:
            if poll.poll(min(remaining, _LOOK_EVERY) * 1000):
                return None
            if _RUNNING.is_too_large(pid, _resident(pid), limits):
                return "too_much_memory"
    finally:
        os.close(handle)
    return "timed_out"


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * _PAGE
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return 0  # It has ended.


def _end(program: LaunchedProgram) -> int:
    try:
        return program.end()
    except LauncherGoneError:
        return -signal.SIGKILL


@cache
def _program_files(program: str) -> Sequence[str]:
    """Return what a program is read from: many are Python's, and some are modules of ours."""
    libraries = [path for path in sys.path if path.startswith("/")]
    # Python reads it also where this process was started without its environment's packages.
    environment = str(Path(sys.executable).parents[1] / "pyvenv.cfg")
    prefixes = (sys.prefix, sys.base_prefix, environment)
    return [program, str(Path(program).resolve()), *prefixes, *libraries]
