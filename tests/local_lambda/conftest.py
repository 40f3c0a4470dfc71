"""What these tests share: the build, and a small function for what the real ones do not do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kova_server.local_lambda.build_folder import link_runtime_client
from kova_server.local_lambda.execution_environment import InvocationAnswer, LambdaFolders
from kova_server.local_lambda.invoker import Invoker
from kova_server.local_lambda.template import LambdaFunction
from tests.functions.conftest import build_folder
from tests.support.lambdas import running_invoker

__all__ = ["build_folder"]
PATIENCE = 60.0
APP = """
import os, signal, tempfile, threading
from pathlib import Path

calls = 0

def can_import(name):
    try:
        __import__(name)
    except ImportError:
        return False
    return True

def handler(event, context):
    global calls
    calls += 1
    kind = event.get("kind")
    if kind == "raise":
        raise ValueError("on purpose")
    if kind == "exit":
        os._exit(3)
    if kind == "hang":
        Path(event["begun"]).write_text(str(os.getpid()))
        threading.Event().wait()
    scratch = Path(tempfile.gettempdir())
    (scratch / f"call-{calls}").touch()
    return {
        "calls": calls,
        "pid": os.getpid(),
        "variables": dict(os.environ),
        "scratch": [str(scratch), *sorted(path.name for path in scratch.iterdir())],
        "remaining": context.get_remaining_time_in_millis(),
        "request_id": context.aws_request_id,
        "modules": [name for name in ("in_shared", "in_own", "in_foreign", "pytest") if can_import(name)],
    }
"""


def small_function(name: str, timeout: float = 30) -> LambdaFunction:
    return LambdaFunction(
        name=name,
        handler="app.handler",
        timeout=timeout,
        memory=256,
        layers=("SharedLayer", "OwnLayer"),
        variables={},
    )


FUNCTIONS = {
    "SmallFunction": small_function("SmallFunction"),
    "HastyFunction": small_function("HastyFunction", timeout=0.5),
}


@pytest.fixture
def folders(tmp_path: Path) -> LambdaFolders:
    build = tmp_path / "build"
    for name in FUNCTIONS:
        (build / name).mkdir(parents=True)
        (build / name / "app.py").write_text(APP)
    for layer in ("Shared", "Own", "Foreign"):
        (build / f"{layer}Layer" / "python").mkdir(parents=True)
        (build / f"{layer}Layer" / "python" / f"in_{layer.lower()}.py").touch()
    return LambdaFolders(
        build=build,
        runtime_client=link_runtime_client(tmp_path / "client"),
        logs=tmp_path / "logs",
        scratch=tmp_path / "scratch",
    )


@dataclass(frozen=True)
class Lambdas:
    """The small functions, invoked from a test's thread."""

    loop: asyncio.AbstractEventLoop
    invoker: Invoker

    def start(self, name: str, event: dict[str, Any], *, waits: bool = False) -> Any:
        """Return a future of the answer."""
        call = self.invoker.invoke(name, json.dumps(event).encode(), waits=waits)
        return asyncio.run_coroutine_threadsafe(call, self.loop)

    def invoke(self, event: dict[str, Any], name: str = "SmallFunction") -> InvocationAnswer:
        answer: InvocationAnswer = self.start(name, event).result(PATIENCE)
        return answer

    def ask(self, event: dict[str, Any], name: str = "SmallFunction") -> dict[str, Any]:
        answer = self.invoke(event, name)
        assert not answer.is_error, answer.body
        value: dict[str, Any] = json.loads(answer.body)
        return value

    def fail(self, event: dict[str, Any], name: str = "SmallFunction") -> dict[str, Any]:
        answer = self.invoke(event, name)
        assert answer.is_error, answer.body
        value: dict[str, Any] = json.loads(answer.body)
        return value


@pytest.fixture
def lambdas(folders: LambdaFolders) -> Iterator[Lambdas]:
    """Two environments at most."""
    variables = {"OWN": "1", "AWS_DEFAULT_REGION": "eu-central-1"}
    with running_invoker(FUNCTIONS, lambda _: variables, folders, 2) as (loop, invoker):
        yield Lambdas(loop, invoker)
