"""Run one analyser in a process of its own, with limits on time, memory and output."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class ProcessLimits:
    """What one run may cost. Sizes in bytes, time in wall seconds."""

    seconds: float = 120.0
    memory: int = 4 * 1024**3
    output: int = 64 * 1024**2


@dataclass(frozen=True, kw_only=True)
class Completed:
    """How a process ended. `reason` is None, or why its output is not to be trusted."""

    status: int
    output: bytes
    errors: str
    reason: str | None


# The analyser learns nothing of the worker: no credentials, no home, no proxy.
_ENVIRONMENT: Mapping[str, str] = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
}


def run(
    command: Sequence[str], *, folder: Path, limits: ProcessLimits, stdin: bytes = b""
) -> Completed:
    """Run a command in a folder and collect its output.

    Output goes through files, so that a flood of it costs disk up to the limit and no memory.
    """
    with (
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as output,
        tempfile.TemporaryFile() as errors,
    ):
        given.write(stdin)
        given.seek(0)
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=given,
            stdout=output,
            stderr=errors,
            env=dict(_ENVIRONMENT),
            start_new_session=True,
        )
        _limit(process.pid, limits)
        reason = None
        try:
            process.wait(timeout=limits.seconds)
        except subprocess.TimeoutExpired:
            reason = "timed_out"
        finally:
            _end_group(process)
        if output.seek(0, os.SEEK_END) >= limits.output:
            reason = "too_much_output"
        output.seek(0)
        errors.seek(0)
        return Completed(
            status=process.returncode,
            output=output.read(limits.output),
            errors=errors.read(4_000).decode("utf-8", "replace"),
            reason=reason,
        )


def _limit(pid: int, limits: ProcessLimits) -> None:
    """Limit the child from outside: a preexec_fn is not safe in a process with threads."""
    wanted = {
        resource.RLIMIT_AS: limits.memory,
        resource.RLIMIT_FSIZE: limits.output,
        resource.RLIMIT_CORE: 0,
    }
    for kind, value in wanted.items():
        try:
            resource.prlimit(pid, kind, (value, value))
        except ProcessLookupError:
            return  # It has ended already.


def _end_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):  # Every process of the group has ended.
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
