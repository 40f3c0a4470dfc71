"""Starts and stops the stack of the demo."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from examples.demo.source import DemoError
from kova_server.embedded.ports import free_port
from kova_server.embedded.stack import read_environment

_START_SECONDS = 90


@contextmanager
def running_stack(
    data_folder: Path, extra: Mapping[str, str] | None = None, arguments: Sequence[str] = ()
) -> Iterator[tuple[str, dict[str, str]]]:
    """Run `kova up`; yield its address and all its settings.

    Args:
        data_folder: the folder of the stack.
        extra: variables to add to the environment.
        arguments: of `kova up`, to add to its command line.
    """
    port = free_port()
    log = data_folder / "up.log"
    data_folder.mkdir(parents=True, exist_ok=True)
    variables = {key: value for key, value in os.environ.items() if not key.startswith("KOVA_")}
    variables |= extra or {}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "kova_server",
                "up",
                "--port",
                str(port),
                "--data",
                str(data_folder),
                *arguments,
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=variables,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(process, address, log)
        yield address, read_environment(data_folder / "kova.env")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def _wait(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise DemoError(f"The stack did not start: {_last_line(log)}")
        try:
            if httpx.get(f"{address}/health", timeout=2).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise DemoError(f"The stack did not start in {_START_SECONDS} s: {_last_line(log)}")


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() or ["no output"]
    return f"{lines[-1]} (see {log})"
