"""Kova's processes: `kova up` and one more worker; each can be killed."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import boto3
import httpx

from kova.adapters.env_file import read_environment
from kova_fakes.github import FakeGitHub
from kova_server.embedded.ports import free_port
from kova_server.embedded.service import started_at
from tests.support.eventually import eventually
from tests.support.kova_process import KovaProcess, run_command, start_command

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

PARTS: Final = {"worker": 5, "second worker": 5, "api": 4, "sqs": 2, "postgres": 2, "valkey": 1}
"""What is killed, and how often in proportion."""
_START_SECONDS: Final = 120.0
_STOP_SECONDS: Final = 90.0
_COUNTS: Final[list[Literal[
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
]]] = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
]  # fmt: skip


@dataclass(kw_only=True)
class KovaStack:
    """The running product, in a folder that outlives it."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]
    settings: Mapping[str, str] = field(default_factory=dict)
    second: KovaProcess | None = None

    @property
    def address(self) -> str:
        """Where the API answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def is_alive(self) -> bool:
        """False when `kova up` has ended by itself."""
        return self.process.poll() is None

    def wait(self) -> None:
        """Wait until everything runs.

        Raises:
            AssertionError: it ended, or takes too long.
        """

        def is_ready() -> bool:
            assert self.is_alive, self.output()
            return self.pid("worker") is not None and self.is_healthy()

        eventually(is_ready, _START_SECONDS, pause=0.1, otherwise=self.output)
        self.settings = read_environment(self.folder / "kova.env")
        self.start_second()

    def output(self) -> str:
        """Return the end of what `kova up` wrote."""
        return (self.folder / "up.out").read_text()[-3_000:]

    def pid(self, part: str) -> int | None:
        """Return the process of a part, None while it does not run."""
        if part == "second worker":
            return self.second.pid if self.second and self.second.poll() is None else None
        try:
            identity = json.loads((self.folder / "run" / f"{part}.json").read_text())
        except (FileNotFoundError, ValueError):
            return None
        same = started_at(identity["pid"]) == identity["started"]
        return int(identity["pid"]) if same else None

    def kill(self, part: str) -> bool:
        """Kill a part; False where it does not run just now."""
        pid = self.pid(part)
        if pid is None:
            return False
        os.kill(pid, signal.SIGKILL)
        if part == "second worker":
            assert self.second is not None
            self.second.wait(10)
            self.start_second()
        return True

    def start_second(self) -> None:
        """Start the second worker, where it does not run."""
        if self.pid("second worker") is None:
            with (self.folder / "logs" / "second-worker.log").open("ab") as log:
                environment = {**_environment(), **self.settings}
                self.second = start_command(
                    "worker", environment=environment, stdout=log, stderr=log
                )

    def sweep(self) -> str:
        """Run `kova sweep` and return what it says, or why it failed."""
        run = run_command("sweep", environment={**_environment(), **self.settings})
        return run.stdout if run.returncode == 0 else f"failed: {run.stderr[-500:]}"

    def depths(self, *queues: str) -> dict[str, int]:
        """Return how many messages queues and their dead letters hold: all queues, or these."""
        depths: dict[str, int] = {}
        for queue in queues or ("scan", "fix", "command"):
            url = self.settings[f"KOVA_{queue.upper()}_QUEUE_URL"]
            for name, address in ((queue, url), (f"{queue}-dlq", f"{url}-dlq")):
                attributes = self._client.get_queue_attributes(
                    QueueUrl=address, AttributeNames=_COUNTS
                )["Attributes"]
                depths[name] = sum(map(int, attributes.values()))
        return depths

    @cached_property
    def _client(self) -> SQSClient:
        return boto3.client(
            "sqs",
            endpoint_url=self.settings["AWS_ENDPOINT_URL_SQS"],
            region_name=self.settings["AWS_DEFAULT_REGION"],
            aws_access_key_id=self.settings["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.settings["AWS_SECRET_ACCESS_KEY"],
        )

    def stop(self) -> None:
        """Stop everything."""
        if self.second is not None and self.second.poll() is None:
            self.second.terminate()
            self.second.wait(_STOP_SECONDS)
        if self.is_alive:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(_STOP_SECONDS)

    def is_healthy(self) -> bool:
        """True if the API says that everything it needs is there."""
        try:
            return httpx.get(f"{self.address}/health", timeout=5).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


def _environment() -> dict[str, str]:
    return {key: text for key, text in os.environ.items() if not key.startswith(("KOVA_", "AWS_"))}


def _is_unlocked(file: Path) -> bool:
    """True if the stack of a run that was killed has ended."""
    with file.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def run_stack(folder: Path, github: FakeGitHub, visibility: int = 5) -> Iterator[KovaStack]:
    """Run the product against a practice GitHub; `visibility` is that of a worker's messages.

    What an earlier run left in the folder is taken up.
    """
    folder.mkdir(parents=True, exist_ok=True)
    outside = {
        "KOVA_GITHUB_API_URL": github.url,
        "KOVA_GITHUB_APP_ID": github.app_id,
        "KOVA_GITHUB_PRIVATE_KEY": github.private_key_pem,
        "KOVA_GITHUB_WEBHOOK_SECRET": github.webhook_secret,
        "KOVA_RATE_LIMIT_PER_MINUTE": "1000000",
        "KOVA_ANONYMOUS_RATE_LIMIT_PER_MINUTE": "1000000",
        "KOVA_WORKER_VISIBILITY_SECONDS": str(visibility),
        "HOME": str(folder),
    }
    eventually(lambda: _is_unlocked(folder / "lock"), _STOP_SECONDS, pause=0.1)
    port = free_port()
    launcher = Path(sys.modules[started_at.__module__].__file__ or "").with_name("launch.py")
    command = [sys.executable, "-S", str(launcher), str(os.getpid()), "SIGTERM"]
    command += [sys.executable, "-m", "kova_server", "up", "--port", str(port)]
    with (folder / "up.out").open("ab") as output:
        process = subprocess.Popen(
            [*command, "--data", str(folder)],
            env=_environment() | outside,
            stdout=output,
            stderr=output,
            cwd=folder,
            start_new_session=True,
        )
    stack = KovaStack(folder=folder, port=port, process=process)
    try:
        stack.wait()
        yield stack
    finally:
        stack.stop()
