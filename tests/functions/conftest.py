"""The functions as `sam build` made them, run by AWS's own runtime client."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import fcntl
import functools
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kova_server.local_lambda.build_folder import link_runtime_client
from kova_server.local_lambda.execution_environment import LambdaFolders
from kova_server.local_lambda.invoker import Invoker
from kova_server.local_lambda.template import read_stack
from tests.checks.template import build
from tests.support.lambdas import running_invoker
from tests.support.queues import make_queue
from tests.support.services import FOLDER, services_in_force

PATIENCE = 60.0
SECRET = "it is a secret"


@pytest.fixture(scope="session")
def build_folder() -> Path:
    """The folder of everything that template.yaml builds: built once for all processes."""
    folder = Path(os.environ[FOLDER], "sam")
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            build(folder)
            (folder / "done").touch()
    return folder / "build"


@pytest.fixture(scope="session")
def runtime_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runtime client alone: nothing else of the tests' environment reaches a function."""
    return link_runtime_client(tmp_path_factory.mktemp("ric"))


@dataclass(frozen=True)
class Function:
    """One built function, invoked as `kova up --lambda` invokes it."""

    name: str
    loop: asyncio.AbstractEventLoop
    invoker: Invoker
    log: Path

    def invoke(self, event: dict[str, Any]) -> Any:
        """Return the handler's answer to an event."""
        call = self.invoker.invoke(self.name, json.dumps(event).encode())
        answer = asyncio.run_coroutine_threadsafe(call, self.loop).result(PATIENCE)
        assert not answer.is_error, f"{answer.body.decode()}\n{self.output()}"
        return json.loads(answer.body)

    def output(self) -> str:
        return self.log.read_text()


@contextlib.contextmanager
def function(
    build_folder: Path, runtime_client: Path, name: str, folder: Path, variables: dict[str, str]
) -> Iterator[Function]:
    """Run a function with these variables; an event has a minute."""
    stack = read_stack(build_folder / "template.yaml")
    described = dataclasses.replace(stack.functions[name], timeout=PATIENCE)
    folders = LambdaFolders(
        build=build_folder, runtime_client=runtime_client, logs=folder, scratch=folder / "scratch"
    )
    with running_invoker({name: described}, lambda _: variables, folders) as (loop, invoker):
        yield Function(name, loop, invoker, folder / f"{name}.log")


@pytest.fixture
def variables(database_url: str, build_folder: Path) -> dict[str, str]:
    """The variables of a function; a test adds its own."""
    services_in_force()
    aws = {key: value for key, value in os.environ.items() if key.startswith("AWS_")}
    return aws | {
        "KOVA_ENV": "local",
        "KOVA_REDIS_URL": services_in_force()["KOVA_REDIS_URL"],
        "KOVA_DATABASE_URL": database_url,
        "KOVA_SCAN_QUEUE_URL": make_queue(),
        "KOVA_GITHUB_WEBHOOK_SECRET": SECRET,
        "KOVA_ANALYZERS_BIN": str(build_folder / "AnalyzersLayer" / "bin"),
    }


@pytest.fixture
def run(
    build_folder: Path, runtime_client: Path, tmp_path: Path
) -> Callable[[str, dict[str, str]], Any]:
    """Runs a function by its name with some variables."""
    return functools.partial(_run, build_folder, runtime_client, tmp_path)


def _run(build: Path, client: Path, folder: Path, name: str, variables: dict[str, str]) -> Any:
    return function(build, client, name, folder, variables)
