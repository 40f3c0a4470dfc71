"""Runs functions by the product's own invoker, for tests that wait for their answers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from kova_server.local_lambda.execution_environment import Places
from kova_server.local_lambda.invoker import Invoker
from kova_server.local_lambda.runtime_api import runtime_api
from kova_server.local_lambda.server import PortServer, loopback_sockets, port_of
from kova_server.local_lambda.template import LambdaFunction


@contextmanager
def running_invoker(
    functions: Mapping[str, LambdaFunction],
    variables: Callable[[LambdaFunction], Mapping[str, str]],
    places: Places,
    environments: int = 1,
) -> Iterator[tuple[asyncio.AbstractEventLoop, Invoker]]:
    """Run an invoker in an event loop of its own thread."""
    listeners = loopback_sockets(environments)
    ports = [port_of(listener) for listener in listeners]
    invoker = Invoker(functions, variables, places, ports)
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
