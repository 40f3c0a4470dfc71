"""One child process of the stack: what it is, and its life."""

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

from kova.shared.exceptions import KovaError

_LOG_LIMIT: Final = 5_000_000
_LAUNCHER: Final = Path(__file__).with_name("launch.py")


@dataclass(frozen=True, kw_only=True)
class Service:
    """What to run.

    `wrapper` stands before the launcher, where a process must become another user first.
    `prepare` is called before every start; `ready` tells whether it answers.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    ready: Callable[[], bool] = lambda: True
    prepare: Callable[[], None] = lambda: None
    wrapper: Sequence[str] = ()
    stop_signal: signal.Signals = signal.SIGTERM
    user: int | None = None
    patience: float = 10.0


@dataclass
class Child:
    """A service that runs, or is to run again."""

    service: Service
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    deaths: int = 0
    started: float = 0.0
    again_at: float = 0.0

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self.folder / "logs" / f"{self.service.name}.log"

    def start(self) -> None:
        """Start the process and remember it for a later run of the supervisor."""
        service = self.service
        self.started = time.monotonic()
        service.prepare()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.1"))
        launcher = [sys.executable, "-S", str(_LAUNCHER)]
        # unshare becomes the command itself, so our own process id is the launcher's parent.
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
        record = {"pid": self.process.pid, "started": started_at(self.process.pid)}
        note = self.folder / "run" / f"{service.name}.json"
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps(record))

    @property
    def alive(self) -> bool:
        """Tell whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def stop(self, *, hurry: bool = False) -> None:
        """Ask it to end, then insist."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(self.service.stop_signal)
            try:
                self.process.wait(timeout=0.5 if hurry else self.service.patience)
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
    """Return when a process started, as the system tells it; a recycled id has another time."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        return stat.rsplit(")", 1)[1].split()[19]
    except OSError:
        done = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return done.stdout.strip() or None


def reap(folder: Path) -> list[str]:
    """End what a run that died has left behind; return the names."""
    reaped = []
    for note in sorted((folder / "run").glob("*.json")):
        try:
            record = json.loads(note.read_text())
            pid, started = int(record["pid"]), record["started"]
        except (ValueError, KeyError, TypeError):
            note.unlink()  # Cut off in the middle of writing: the process is not known.
            continue
        if started is not None and started_at(pid) == started:
            _end(pid, started)
            reaped.append(note.stem)
        note.unlink()
    return reaped


def _end(pid: int, started: str) -> None:
    # SIGINT is Postgres's fast shutdown; the others take it as well.
    for number, patience in ((signal.SIGINT, 5.0), (signal.SIGKILL, 5.0)):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        end = time.monotonic() + patience
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


def wait_ready(child: Child, patience: float = 30.0) -> None:
    """Wait until a service answers.

    Raises:
        StartError: it ended, or does not answer in time; with the end of its log.
    """
    end = time.monotonic() + patience
    while time.monotonic() < end and child.alive:
        if child.service.ready():
            return
        time.sleep(0.03)
    raise StartError(f"{child.service.name} did not start:\n{child.tail()}")
