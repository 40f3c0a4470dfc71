"""The functions as `sam build` made them, run by AWS's own runtime client."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import fcntl
import json
import os
from collections.abc import Iterator
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
from tests.support.services import FOLDER

PATIENCE = 60.0


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
