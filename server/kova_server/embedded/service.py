"""One child process of the stack: start, stop, and readiness."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kova.adapters.private_file import write_privately
from kova.shared.exceptions import KovaError

_LOG_LIMIT: Final = 5_000_000
_END_SECONDS: Final = 5.0  # After each of the two signals.
_PLAIN: Final = (
    *("PATH", "HOME", "TZ", "LANG", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH"),
    "PYTHONWARNINGS",
)
_LAUNCHER: Final = Path(__file__).with_name("launch.py")


def plain_environment() -> dict[str, str]:
    """Return the variables that any program needs: none of them is secret."""
    return {name: os.environ[name] for name in _PLAIN if name in os.environ}


@dataclass(frozen=True, kw_only=True)
class Service:
    """A program of the stack.

    Attributes:
        is_ready: returns whether it answers.
        prepare: called before every start.
        wrapper: a command before the launcher, for a program that must run as another user.
        stop_seconds: how long it may take to stop before it is killed.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    is_ready: Callable[[], bool] = lambda: True
    prepare: Callable[[], None] = lambda: None
    wrapper: Sequence[str] = ()
    stop_signal: signal.Signals = signal.SIGTERM
    user: int | None = None
    stop_seconds: float = 10.0


@dataclass
class Child:
    """The process of a service; it may have died and wait for its next start."""

    service: Service
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    deaths: int = 0
    started: float = 0.0
    restart_at: float = 0.0

    @property
    def log(self) -> Path:
        """The file of its output."""
        return self.folder / "logs" / f"{self.service.name}.log"

    def start(self) -> None:
        """Start the process and record its id, so that a later run can end it."""
        service = self.service
        self.started = time.monotonic()
        service.prepare()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.1"))
        launcher = [sys.executable, "-S", str(_LAUNCHER)]
        # `unshare` replaces itself by the launcher, whose parent is therefore this process.
        launcher += [str(os.getpid()), service.stop_signal.name]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [*service.wrapper, *launcher, *service.command],
                env=dict(service.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=service.user,
            )
        identity = {"pid": self.process.pid, "started": started_at(self.process.pid)}
        pid_file = self.folder / "run" / f"{service.name}.json"
        pid_file.parent.mkdir(parents=True, exist_ok=True)
        write_privately(pid_file, json.dumps(identity).encode())

    @property
    def is_alive(self) -> bool:
        """True if the process runs."""
        return self.process is not None and self.process.poll() is None

    def stop(self, *, hurry: bool = False) -> None:
        """Stop the process, by SIGKILL if it takes too long."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(self.service.stop_signal)
            try:
                self.process.wait(timeout=0.5 if hurry else self.service.stop_seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        (self.folder / "run" / f"{self.service.name}.json").unlink(missing_ok=True)

    def tail(self) -> str:
        """Return the end of its log."""
        if not self.log.exists():
            return ""
        return self.log.read_text(errors="replace")[-2_000:]


def started_at(pid: int) -> str | None:
    """Return a process's start time as the system prints it; it tells a reused id apart."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        return stat.rsplit(")", 1)[1].split()[19]
    except OSError:
        ps = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return ps.stdout.strip() or None


def reap(folder: Path) -> list[str]:
    """End the processes that a dead run has left behind; return their names."""
    reaped = []
    for pid_file in sorted((folder / "run").glob("*.json")):
        try:
            identity = json.loads(pid_file.read_text())
            pid, started = int(identity["pid"]), identity["started"]
        except (ValueError, KeyError, TypeError):
            pid_file.unlink()  # Only half written: its process is unknown.
            continue
        if started is not None and started_at(pid) == started:
            _end(pid, started)
            reaped.append(pid_file.stem)
        pid_file.unlink()
    return reaped


def _end(pid: int, started: str) -> None:
    # SIGINT is Postgres's fast shutdown; the other programs stop too.
    for number in (signal.SIGINT, signal.SIGKILL):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        end = time.monotonic() + _END_SECONDS
        while time.monotonic() < end:
            if started_at(pid) != started or _is_zombie(pid):
                return
            time.sleep(0.02)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return False


class StartError(KovaError):
    """A part of the stack did not start."""

    reason = "start_failed"


def wait_ready(child: Child, seconds: float = 30.0) -> None:
    """Wait until a service answers.

    Raises:
        StartError: it ended or did not answer in time; the message has the end of its log.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end and child.is_alive:
        if child.service.is_ready():
            return
        time.sleep(0.03)
    raise StartError(f"{child.service.name} did not start:\n{child.tail()}")
