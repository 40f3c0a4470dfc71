"""The functions as `sam build` made them, run by AWS's own runtime client."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import queue
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.checks.template import build, layers_by_function
from tests.support.eventually import eventually
from tests.support.services import FOLDER

RUNTIME_CLIENT = ("awslambdaric", "simplejson", "snapshot_restore_py", "runtime_client")
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
    folder = tmp_path_factory.mktemp("ric")
    for name in RUNTIME_CLIENT:
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (folder / source.name).symlink_to(source)
    return folder


@dataclass
class RuntimeApi:
    """Lambda's Runtime API: hands out events, one after the other, and takes the answers.

    See https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
    """

    events: queue.Queue[dict[str, Any]] = field(default_factory=queue.Queue)
    answers: queue.Queue[tuple[str, Any]] = field(default_factory=queue.Queue)


def _handler(api: RuntimeApi) -> type[BaseHTTPRequestHandler]:
    class RuntimeHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle(self) -> None:
            with contextlib.suppress(ConnectionError):  # The function was ended while it waited.
                super().handle()

        def do_GET(self) -> None:
            body = json.dumps(api.events.get()).encode()
            headers = {
                "Lambda-Runtime-Aws-Request-Id": str(uuid.uuid4()),
                "Lambda-Runtime-Deadline-Ms": str(round((time.time() + PATIENCE) * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:000000000000:f",
                "Content-Type": "application/json",
            }
            self._send(200, body, headers)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kind = self.path.rpartition("/")[2]
            api.answers.put((kind, json.loads(body)))
            self._send(202, b"{}", {})

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    return RuntimeHandler


@dataclass
class Function:
    """One built function in its own process."""

    api: RuntimeApi
    process: subprocess.Popen[bytes]
    log: Path

    def invoke(self, event: dict[str, Any]) -> Any:
        """Return the handler's answer to an event."""
        self.api.events.put(event)

        def take_answer() -> tuple[str, Any] | None:
            assert self.process.poll() is None, f"no answer\n{self.output()}"
            with contextlib.suppress(queue.Empty):
                return self.api.answers.get(timeout=0.2)
            return None

        kind, answer = eventually(
            take_answer, PATIENCE, pause=0, otherwise=lambda: f"no answer\n{self.output()}"
        )
        assert kind == "response", f"{answer}\n{self.output()}"
        return answer

    def output(self) -> str:
        return self.log.read_text()


@contextlib.contextmanager
def function(
    build_folder: Path, runtime_client: Path, name: str, log: Path, variables: dict[str, str]
) -> Iterator[Function]:
    """Run a function against a Runtime API of its own."""
    api = RuntimeApi()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(api))
    server.daemon_threads = True
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    layers = [build_folder / layer / "python" for layer in layers_by_function()[name]]
    paths = [build_folder / name, *layers, runtime_client]
    environment = variables | {
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}",
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "LAMBDA_TASK_ROOT": str(build_folder / name),
        "PYTHONPATH": os.pathsep.join(str(path) for path in paths),
        "HOME": str(log.parent),
        "PATH": os.defpath,
    }
    # -S: no site-packages. What the layer forgot is missing here as it is there.
    command = [sys.executable, "-S", "-m", "awslambdaric", "app.handler"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=build_folder / name, env=environment, stdout=output, stderr=output
        )
    try:
        yield Function(api, process, log)
    finally:
        process.kill()
        process.wait()
        server.shutdown()
        server.server_close()
