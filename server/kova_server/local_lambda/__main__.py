"""`python -m kova_server.local_lambda`: functions behind their HTTP API, queues and schedules.

`kova up --lambda` starts it, with the settings of the stack as variables.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from starlette.types import ASGIApp

from kova.adapters.sqs import sqs_client
from kova.bootstrap.environment import fill_from_app_file
from kova.shared.exceptions import NotConfiguredError
from kova.web.logs import configure_logging
from kova_server.local_lambda.build_folder import link_runtime_client
from kova_server.local_lambda.execution_environment import LambdaFolders
from kova_server.local_lambda.front import Front
from kova_server.local_lambda.invoker import ENVIRONMENTS, Invoker
from kova_server.local_lambda.migration import lambda_folders
from kova_server.local_lambda.queue_poller import QueuePoller
from kova_server.local_lambda.runtime_api import runtime_api
from kova_server.local_lambda.schedule_caller import ScheduleCaller
from kova_server.local_lambda.server import PortServer, loopback_sockets, port_of
from kova_server.local_lambda.template import LambdaStack, QueueMapping, read_stack
from kova_server.local_lambda.variables import (
    function_variables,
    stack_settings,
    template_parameters,
)
from kova_server.restart import FileWatch

_END_SECONDS: Final = 10.0
_REGION: Final = "us-east-1"
_TIMEOUTS: Final = 6
"""For so many time-outs of its function a message is hidden, as deploy/aws/queues.yaml has it."""
_QUEUE: Final = re.compile(r"\$\{\w+\.Outputs\.(\w+)Arn\}")


class LambdaHost:
    """Everything that AWS does around the functions."""

    def __init__(self, stack: LambdaStack, folders: LambdaFolders, port: int) -> None:
        """Read the environment's variables; `port` is the HTTP API's."""
        self._stack = stack
        self._folders = folders
        self._settings = _settings_in_force()
        self._app_file = FileWatch(os.environ.get("KOVA_GITHUB_APP_FILE"))
        self._listeners = [*loopback_sockets(1, port), *loopback_sockets(ENVIRONMENTS)]
        self._invoker = Invoker(
            stack.functions,
            lambda function: function_variables(function, self._settings, folders.build),
            folders,
            [port_of(listener) for listener in self._listeners[1:]],
        )
        self._stop = asyncio.Event()

    async def serve(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        runtime = runtime_api(self._invoker.environment_at)
        apps: dict[int, ASGIApp] = {port_of(part): runtime for part in self._listeners[1:]}
        apps[port_of(self._listeners[0])] = Front(self._stack.routes, self._invoker)
        server = PortServer(apps, before_end=self._end, each_second=self._look)
        client = sqs_client(waits=True)
        pollers = [
            QueuePoller(
                mapping,
                client,
                _queue_url(mapping, self._settings),
                self._invoker,
                visibility=round(_TIMEOUTS * self._stack.functions[mapping.function].timeout),
            ).run(self._stop)
            for mapping in self._stack.mappings
        ]
        region = self._settings.get("AWS_DEFAULT_REGION", _REGION)
        callers = [
            ScheduleCaller(schedule, self._invoker, region=region).run(self._stop)
            for schedule in self._stack.schedules
        ]
        await asyncio.gather(server.serve(self._listeners), *pollers, *callers)

    async def _end(self) -> None:
        self._stop.set()
        await self._invoker.close(_END_SECONDS)

    async def _look(self) -> None:
        """Hand on what /setup stored, and give up what nobody uses."""
        if self._app_file.has_changed():
            self._app_file = FileWatch(os.environ.get("KOVA_GITHUB_APP_FILE"))
            self._settings = _settings_in_force()
            await self._invoker.retire()
        await self._invoker.give_up_idle()


def _settings_in_force() -> dict[str, str]:
    return stack_settings(fill_from_app_file(os.environ))


def _queue_url(mapping: QueueMapping, settings: Mapping[str, str]) -> str:
    match = _QUEUE.fullmatch(mapping.queue)
    url = settings.get(f"KOVA_{match[1].upper()}_QUEUE_URL") if match else None
    if not url:
        raise NotConfiguredError(f"The queue {mapping.queue} of {mapping.function} is not known.")
    return url


async def _serve(stack: LambdaStack, folders: LambdaFolders, port: int) -> None:
    await LambdaHost(stack, folders, port).serve()


def main() -> None:
    """Serve the built functions of a folder."""
    parser = argparse.ArgumentParser(prog="kova_server.local_lambda")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    configure_logging(os.environ.get("KOVA_LOG_LEVEL", ""))
    client = link_runtime_client(options.data / "lambda" / "runtime")
    folders = lambda_folders(options.build, client, options.data)
    shutil.rmtree(folders.scratch, ignore_errors=True)  # What a killed run has left.
    stack = read_stack(options.build / "template.yaml", template_parameters(os.environ))
    asyncio.run(_serve(stack, folders, options.port))


if __name__ == "__main__":
    main()
