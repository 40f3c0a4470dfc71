"""Runs functions by the product's own invoker, for tests that wait for their answers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from kova_server.local_lambda.execution_environment import LambdaFolders
from kova_server.local_lambda.invoker import Invoker
from kova_server.local_lambda.runtime_api import runtime_api
from kova_server.local_lambda.server import PortServer, loopback_sockets, port_of
from kova_server.local_lambda.template import LambdaFunction


@contextmanager
def running_invoker(
    functions: Mapping[str, LambdaFunction],
    variables: Callable[[LambdaFunction], Mapping[str, str]],
    folders: LambdaFolders,
    environments: int = 1,
) -> Iterator[tuple[asyncio.AbstractEventLoop, Invoker]]:
    """Run an invoker in an event loop of its own thread."""
    listeners = loopback_sockets(environments)
    ports = [port_of(listener) for listener in listeners]
    invoker = Invoker(functions, variables, folders, ports)
    api = runtime_api(invoker.environment_at)
    server = PortServer(dict.fromkeys(ports, api), before_end=lambda: invoker.close(0))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(server.serve(listeners),))
    thread.start()
    try:
        yield loop, invoker
    finally:
        server.should_exit = True
        thread.join()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def function_pids(host: int, name: str) -> set[int]:
    """Return the processes of a function that `kova up --lambda` with this process runs."""
    pids = set()
    for folder in Path("/proc").iterdir():
        with suppress(OSError, ValueError, IndexError):
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            # Not by their environment: who starts analysers' programs keeps it to itself.
            command = (folder / "cmdline").read_bytes().split(b"\0")
            is_function = f"function={name}".encode() in command and b"awslambdaric" in command
            if int(parent) == host and is_function:
                pids.add(int(folder.name))
    return pids


def has_unread_event(pid: int) -> bool:
    """True if the Runtime API has sent an event that the stopped process did not read yet."""
    variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    (address,) = [text for text in variables if text.startswith(b"AWS_LAMBDA_RUNTIME_API=")]
    port = f":{int(address.rpartition(b':')[2]):04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(row[2].endswith(port) and int(row[4].partition(":")[2], 16) > 0 for row in rows)


class IdleProcess:
    """Tells whether a process has done nothing since it was asked last: it waits for an event."""

    def __init__(self, pid: int) -> None:
        self._stat = Path(f"/proc/{pid}/stat")
        self._ticks = -1

    def __call__(self) -> bool:
        fields = self._stat.read_text().rsplit(")", 1)[1].split()
        before, self._ticks = self._ticks, int(fields[11]) + int(fields[12])
        return before == self._ticks and fields[0] == "S"
