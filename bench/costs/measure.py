"""Durations of the built functions on this machine, from real pushes to the practice GitHub."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg

from examples.demo.stack import running_stack
from kova_server.local_lambda.build_folder import link_runtime_client
from kova_server.local_lambda.execution_environment import LambdaFolders
from kova_server.local_lambda.template import read_stack
from kova_server.local_lambda.variables import function_variables, stack_settings
from tests.support.lambdas import function_pids, running_invoker

SAMPLE: Final = Path("layers/common/kova")
"""The repository that is pushed: Kova's own core."""
_NAME: Final = "octo/sample"
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_SECONDS: Final = 300
WEBHOOK: Final = "GithubWebhookFunction"
SCAN: Final = "ScanFunction"
API: Final = "ApiFunction"
PERIODIC: Final = "PeriodicFunction"
_PAGES: Final = ("/api/errors", "/api/scans", "/api/repositories", "/api/fixes")


@dataclass(frozen=True, kw_only=True)
class FunctionTimes:
    """Seconds of a function's calls, by median, and what a call writes.

    Attributes:
        wall: from the event to the answer, warm.
        cpu: of its process and its children, warm; the mean.
        init: what a cold start adds.
        log_bytes: that the function itself writes.
    """

    wall: float
    cpu: float
    init: float
    log_bytes: float


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What a push and a read cost here.

    Attributes:
        github_calls: of GitHub's API, for a push.
        database_cpu: seconds of the database's processor, for a push.
        metrics: sets of labels of metrics that the functions wrote to CloudWatch.
        files: of the repository that was pushed.
        pushes: that were measured warm, each of one changed file.
    """

    functions: Mapping[str, FunctionTimes]
    github_calls: float
    database_cpu: float
    metrics: int
    files: int
    pushes: int

    def dump(self) -> str:
        """Return this as JSON."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def load(cls, text: str) -> Measurement:
        """Return what `dump` wrote."""
        fields = json.loads(text)
        functions = {name: FunctionTimes(**times) for name, times in fields["functions"].items()}
        return cls(**{**fields, "functions": functions})


def measure(build: Path, pushes: int, starts: int) -> Measurement:
    """Run the stack, push and read, and return what it took.

    Args:
        build: the folder that `make build` filled.
        pushes: to measure warm.
        starts: cold starts to measure of each function.
    """
    with (
        tempfile.TemporaryDirectory(prefix="kova-costs-") as name,
        _Stack.running(Path(name), build) as stack,
    ):
        files = stack.create_repository()
        stack.push_and_wait(0)
        cold = [stack.one_of_each(number) for number in range(1, starts + 1)]
        calls, database = stack.github_calls(), stack.database_seconds()
        with stack.warm(SCAN, cold) as scan_times:
            for number in range(pushes):
                stack.push_and_wait(100 + number)
        database = stack.database_seconds() - database
        with stack.warm(API, cold) as api_times:
            for page in _PAGES * pushes:
                stack.read(page)
        with stack.warm(WEBHOOK, cold) as webhook_times:
            for _ in range(pushes * 4):
                stack.ping()
        return Measurement(
            functions={
                WEBHOOK: webhook_times(),
                SCAN: scan_times(),
                API: api_times(),
                PERIODIC: stack.periodic_times(starts),
            },
            github_calls=(stack.github_calls() - calls) / pushes,
            database_cpu=database / pushes,
            metrics=stack.count_metrics(),
            files=files,
            pushes=pushes,
        )


class _Stack:
    """A running `kova up --lambda`."""

    def __init__(self, folder: Path, build: Path, address: str, settings: dict[str, str]) -> None:
        self._folder = folder
        self._build = build
        self._address = address
        self._settings = settings
        practice = {"Authorization": f"Bearer {settings['KOVA_PRACTICE_TOKEN']}"}
        self._github = httpx.Client(
            base_url=settings["KOVA_GITHUB_API_URL"], headers=practice, timeout=60
        )
        key = {"Authorization": f"Bearer {settings['KOVA_API_KEY']}"}
        self._kova = httpx.Client(base_url=address, headers=key, timeout=60)
        self._database = psycopg.connect(settings["KOVA_DATABASE_URL"], autocommit=True)
        self._host = int(json.loads((folder / "run" / "lambda.json").read_text())["pid"])

    @classmethod
    @contextmanager
    def running(cls, folder: Path, build: Path) -> Iterator[_Stack]:
        extra = {"KOVA_RATE_LIMIT_PER_MINUTE": "1000000"}
        arguments = ("--lambda", "--build", str(build), "--folder", str(SAMPLE.resolve()))
        with running_stack(folder, extra, arguments) as (address, settings):
            stack = cls(folder, build, address, settings)
            try:
                yield stack
            finally:
                stack._github.close()
                stack._kova.close()
                stack._database.close()

    def create_repository(self) -> int:
        body = {"full_name": _NAME, "folder": str(SAMPLE.resolve())}
        answer = self._github.post("/_control/repositories", json=body).raise_for_status()
        return int(answer.json()["files"])

    def push_and_wait(self, number: int) -> None:
        """Push a changed file, deliver it, and wait until its scan has ended."""
        code = f"def f(x, seen=[]):\n    return x is '{number}', seen\n"
        files = {"measured.py": base64.b64encode(code.encode()).decode()}
        body: dict[str, Any] = {"full_name": _NAME, "files": files}
        self._github.post("/_control/push", json=body).raise_for_status()
        scans = self._ended()
        body = {"url": f"{self._address}/webhooks/github", "event": "push", "repository": _NAME}
        self._github.post("/_control/deliver", json=body).raise_for_status()
        end = time.monotonic() + _SECONDS
        while self._ended() == scans:
            if time.monotonic() > end:
                raise TimeoutError("a scan did not end")
            time.sleep(0.05)
        # The row is written before the check run: the call ends with the message.
        self._wait_until_logged(SCAN, scans + 1)

    def read(self, page: str) -> None:
        self._kova.get(page).raise_for_status()

    def one_of_each(self, number: int) -> dict[str, float]:
        """Return how long a cold call of each function takes, in seconds."""
        before = {name: len(self._calls(name)) for name in (WEBHOOK, SCAN, API)}
        for name in before:
            for pid in function_pids(self._host, name):
                os.kill(pid, signal.SIGKILL)
        self.push_and_wait(number)
        self.read("/api/errors")
        return {name: self._calls(name)[count] for name, count in before.items()}

    def ping(self) -> None:
        """Deliver what ends in the webhook's function, as most deliveries do."""
        body = {"url": f"{self._address}/webhooks/github", "event": "ping", "repository": _NAME}
        self._github.post("/_control/deliver", json=body).raise_for_status()

    @contextmanager
    def warm(
        self, name: str, cold: list[dict[str, float]]
    ) -> Iterator[Callable[[], FunctionTimes]]:
        """Yield what returns the times of a function's calls in this block."""
        calls, cpu, written = len(self._calls(name)), self._cpu(name), self._written(name)
        times: list[FunctionTimes] = []
        yield times.pop
        walls = self._calls(name)[calls:]
        wall = statistics.median(walls)
        times.append(
            FunctionTimes(
                wall=wall,
                cpu=(self._cpu(name) - cpu) / len(walls),
                init=max(statistics.median(start[name] for start in cold) - wall, 0.0),
                log_bytes=(self._written(name) - written) / len(walls),
            )
        )

    def periodic_times(self, starts: int) -> FunctionTimes:
        """Measure the scheduled function, which is nearly always cold."""
        function = read_stack(self._build / "template.yaml").functions[PERIODIC]
        settings = stack_settings(self._settings)
        walls = []
        for number in range(starts):
            folder = self._folder / f"periodic-{number}"
            folders = LambdaFolders(
                build=self._build,
                runtime_client=link_runtime_client(folder / "runtime"),
                logs=folder,
                scratch=folder / "scratch",
            )

            def variables(_: object) -> Mapping[str, str]:
                return function_variables(function, settings, self._build)

            with running_invoker({PERIODIC: function}, variables, folders) as (loop, invoker):
                begin = time.monotonic()
                call = invoker.invoke(PERIODIC, b"{}")
                answer = asyncio.run_coroutine_threadsafe(call, loop).result(_SECONDS)
                walls.append(time.monotonic() - begin)
            if answer.is_error:
                raise RuntimeError(answer.body.decode())
        wall = statistics.median(walls)
        size = (folder / f"{PERIODIC}.log").stat().st_size
        # Nearly all of it is the start, in which Lambda gives a whole processor.
        return FunctionTimes(wall=0.0, cpu=0.0, init=wall, log_bytes=size)

    def github_calls(self) -> int:
        """Return how many calls of GitHub's API there were so far."""
        requests = self._github.get("/_control/requests").raise_for_status().json()
        return sum(not request["path"].startswith("/_control") for request in requests)

    def count_metrics(self) -> int:
        """Return how many series the functions wrote in CloudWatch's Embedded Metric Format."""
        series = set()
        for log in (self._folder / "logs").glob("*Function.log"):
            for line in log.read_text(errors="replace").splitlines():
                with suppress(ValueError, KeyError, TypeError):
                    fields = json.loads(line)
                    for part in fields["_aws"]["CloudWatchMetrics"]:
                        labels = tuple(fields[name] for name in part["Dimensions"][0])
                        series |= {(metric["Name"], labels) for metric in part["Metrics"]}
        return len(series)

    def _ended(self) -> int:
        row = self._database.execute(
            "SELECT count(*) FROM scans WHERE status NOT IN ('queued', 'running')"
        ).fetchone()
        assert row is not None
        return int(row[0])

    def _wait_until_logged(self, name: str, number: int) -> None:
        end = time.monotonic() + _SECONDS
        while len(self._calls(name)) < number and time.monotonic() < end:
            time.sleep(0.05)

    def _calls(self, name: str) -> list[float]:
        """Return the seconds of a function's calls so far."""
        seconds = []
        for line in (self._folder / "logs" / "lambda.log").read_text().splitlines():
            with suppress(ValueError, KeyError):
                fields = json.loads(line)
                if fields["function"] == name:
                    seconds.append(fields["milliseconds"] / 1_000)
        return seconds

    def database_seconds(self) -> float:
        """Return the processor's seconds of the database so far."""
        pid = json.loads((self._folder / "run" / "postgres.json").read_text())["pid"]
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return _cpu_seconds([pid, *children])

    def _cpu(self, name: str) -> float:
        """Return the processor's seconds of a function's processes."""
        return _cpu_seconds(function_pids(self._host, name))

    def _written(self, name: str) -> int:
        return (self._folder / "logs" / f"{name}.log").stat().st_size


def _cpu_seconds(pids: Iterable[int | str]) -> float:
    """Return the processor's seconds of processes and of those of their children that ended."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / _TICKS
