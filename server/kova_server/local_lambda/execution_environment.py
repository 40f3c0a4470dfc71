"""One execution environment: a function's process, which asks for one event after the other."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from kova.shared.exceptions import KovaError
from kova_server import embedded
from kova_server.local_lambda.template import LambdaFunction

INIT_SECONDS: Final = 10.0
"""How long a function may take to begin, beside its time-out."""
ACCOUNT: Final = "000000000000"
_LAUNCHER: Final = Path(embedded.__file__).with_name("launch.py")
_LOG_LIMIT: Final = 5_000_000
_PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True, kw_only=True)
class LambdaFolders:
    """Folders: the build, the runtime client, the logs, and what environments write."""

    build: Path
    runtime_client: Path
    logs: Path
    scratch: Path


@dataclass(frozen=True, kw_only=True)
class InvocationAnswer:
    """What came of an invocation: the body of the answer, or of the error."""

    body: bytes
    is_error: bool


class EnvironmentGoneError(KovaError):
    """A warm environment had ended before it took the event: another one can have it."""

    reason = "environment_gone"


@dataclass(kw_only=True)
class Invocation:
    """One event on its way through an environment; `seconds` are the function's time-out."""

    event: bytes
    seconds: float
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    deadline: float | None = None  # Unix time; known when the function takes the event.
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    answer: asyncio.Future[InvocationAnswer] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class ExecutionEnvironment:
    """A process that was started for a function, with a Runtime API at a port of its own."""

    def __init__(
        self,
        function: LambdaFunction,
        variables: Mapping[str, str],
        folders: LambdaFolders,
        port: int,
    ) -> None:
        """Start nothing yet; `port` is where the Runtime API listens for this environment."""
        self.function = function
        self.port = port
        self.last_used = time.monotonic()
        self.is_retired = False
        self._variables = variables
        self._folders = folders
        self._process: asyncio.subprocess.Process | None = None
        self._folder: Path | None = None
        self._pending: asyncio.Queue[Invocation] = asyncio.Queue()
        self._current: Invocation | None = None
        self._ended = asyncio.Event()
        self._is_warm = False

    @property
    def is_alive(self) -> bool:
        """True if the process runs and takes events."""
        process = self._process
        if process is None or process.returncode is not None or self._ended.is_set():
            return False
        return not _has_died(process.pid)

    @property
    def pid(self) -> int | None:
        """The process's id."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start the process."""
        self._folders.scratch.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix="environment-", dir=self._folders.scratch))
        log = self._folders.logs / f"{self.function.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > _LOG_LIMIT:
            log.replace(log.with_suffix(".log.1"))
        # It ends with this process, and -S keeps everything out that no layer has.
        launcher = [sys.executable, "-S", str(_LAUNCHER), str(os.getpid()), "SIGKILL"]
        # The option is for people who look at the list of processes.
        python = [sys.executable, "-S", "-X", f"function={self.function.name}"]
        command = [*launcher, *python, "-m", "awslambdaric", self.function.handler]
        with log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                cwd=self._folders.build / self.function.name,
                env=self._environment(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    async def invoke(self, event: bytes) -> InvocationAnswer:
        """Return the function's answer, or an error as Lambda words it.

        An environment whose function timed out or ended is no longer alive then.

        Raises:
            EnvironmentGoneError: nothing was done.
        """
        invocation = Invocation(event=event, seconds=self.function.timeout)
        self._pending.put_nowait(invocation)
        assert self._process is not None
        ending = asyncio.ensure_future(self._process.wait())
        beginning = asyncio.ensure_future(invocation.begun.wait())
        try:
            first: set[asyncio.Future[Any]] = {ending, beginning, invocation.answer}
            await asyncio.wait(
                first,
                timeout=INIT_SECONDS + self.function.timeout,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if invocation.begun.is_set() and not invocation.answer.done():
                await asyncio.wait(
                    first - {beginning},
                    timeout=self.function.timeout,
                    return_when=asyncio.FIRST_COMPLETED,
                )
            if invocation.answer.done():
                return invocation.answer.result()
            has_ended = ending.done()
            await self.end()
            if self._is_warm and has_ended and not invocation.begun.is_set():
                raise EnvironmentGoneError
            return self._exit_error(invocation) if has_ended else self._time_out_error(invocation)
        finally:
            self.last_used = time.monotonic()
            self._is_warm = True
            self._current = None
            ending.cancel()
            beginning.cancel()
            if not invocation.answer.done():
                invocation.answer.cancel()

    async def take_invocation(self) -> Invocation | None:
        """Return the next event for the function; None when the environment has ended."""
        taking = asyncio.ensure_future(self._pending.get())
        ending = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait({taking, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not taking.done() or self._ended.is_set():
                return None
            invocation = taking.result()
        finally:
            taking.cancel()
            ending.cancel()
        invocation.deadline = time.time() + invocation.seconds
        self._current = invocation
        invocation.begun.set()
        return invocation

    def settle(self, request_id: str, answer: InvocationAnswer) -> bool:
        """Take a function's answer; False if it is about no event that the function has."""
        invocation = self._current
        if invocation is None or invocation.id != request_id or invocation.answer.done():
            return False
        invocation.answer.set_result(answer)
        return True

    def fail_init(self, answer: InvocationAnswer) -> None:
        """Take the error of a function that could not begin."""
        if not self._pending.empty():
            invocation = self._pending.get_nowait()
            if not invocation.answer.done():
                invocation.answer.set_result(answer)

    async def end(self) -> None:
        """Kill the process with its children, wait for its end, and remove what it wrote."""
        self._ended.set()
        process = self._process
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError):
                process.kill()  # It has no group yet where it was started just now.
            await process.wait()
        if self._folder is not None:
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    def _time_out_error(self, invocation: Invocation) -> InvocationAnswer:
        text = f"{invocation.id} Task timed out after {self.function.timeout:.2f} seconds"
        return _error({"errorMessage": text, "errorType": "Sandbox.Timedout"})

    def _exit_error(self, invocation: Invocation) -> InvocationAnswer:
        process = self._process
        code = process.returncode if process else None
        how = (
            f"signal: {signal.Signals(-code).name}" if code and code < 0 else f"exit status {code}"
        )
        text = f"RequestId: {invocation.id} Error: Runtime exited with error: {how}"
        return _error({"errorMessage": text, "errorType": "Runtime.ExitError"})

    def _environment(self) -> dict[str, str]:
        """Return the variables: the function's own, and those that Lambda sets.

        See https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
        """
        function, build = self.function, self._folders.build
        layers = [build / layer for layer in function.layers]
        python = [build / function.name, *(layer / "python" for layer in layers)]
        programs = [str(layer / "bin") for layer in layers if (layer / "bin").is_dir()]
        region = self._variables.get("AWS_DEFAULT_REGION", "us-east-1")
        return {
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            **self._variables,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{_PYTHON}",
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": f"local/{self.port}",
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.port}",
            "LAMBDA_TASK_ROOT": str(build / function.name),
            "LAMBDA_RUNTIME_DIR": str(self._folders.runtime_client),
            "_HANDLER": function.handler,
            "PATH": os.pathsep.join([*programs, os.defpath]),
            "PYTHONPATH": os.pathsep.join(map(str, [*python, self._folders.runtime_client])),
            "PYTHONDONTWRITEBYTECODE": "1",  # What is built is read-only on Lambda.
            "TMPDIR": str(self._folder),
            "HOME": str(self._folder),
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
        }


def function_arn(name: str) -> str:
    """Return the name of a function as Lambda tells it to the function."""
    return f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}"


def _has_died(pid: int) -> bool:
    """Ask the system: the event loop hears of a process's end somewhat later."""
    if _is_zombie(pid):
        return True
    if not hasattr(os, "waitid"):  # macOS before Python 3.13.
        return False
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:  # Its exit code was taken already.
        return True


def _is_zombie(pid: int) -> bool:
    """Linux tells of the end only when the last thread is gone, and the first one ends before."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:  # No Linux, or no process any more.
        return False
    return stat.rpartition(")")[2].split()[0] in {"Z", "X"}


def _error(fields: Mapping[str, Any]) -> InvocationAnswer:
    return InvocationAnswer(body=json.dumps(fields).encode(), is_error=True)
