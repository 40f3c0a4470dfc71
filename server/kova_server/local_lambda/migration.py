"""The stack's custom resource: its function migrates the database before anything else starts."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from kova.shared.exceptions import KovaError
from kova_server.local_lambda.execution_environment import ACCOUNT, LambdaFolders, function_arn
from kova_server.local_lambda.invoker import Invoker
from kova_server.local_lambda.runtime_api import runtime_api
from kova_server.local_lambda.server import PortServer, loopback_sockets, port_of
from kova_server.local_lambda.template import LambdaStack
from kova_server.local_lambda.variables import function_variables

ATTEMPTS: Final = 3
"""CloudFormation's event is asynchronous: Lambda sends it again twice where a function ends."""
_MOST_REASON: Final = 300


class MigrationFailedError(KovaError):
    """The stack's migration failed; nothing was started."""

    reason = "migration_failed"


def run_migrations(stack: LambdaStack, settings: Mapping[str, str], folders: LambdaFolders) -> None:
    """Invoke the function of each custom resource, and wait for its answer to CloudFormation.

    Args:
        stack: with its custom resources.
        settings: of the stack, without passwords in addresses.
        folders: the folders of the run.

    Raises:
        MigrationFailedError: its message is one line.
    """
    for resource, function in stack.migrations.items():
        asyncio.run(_Migration(stack, settings, folders).run(resource, function))


class _Migration:
    """One custom resource, from its event to its answer."""

    def __init__(
        self, stack: LambdaStack, settings: Mapping[str, str], folders: LambdaFolders
    ) -> None:
        self._stack = stack
        self._settings = settings
        self._folders = folders
        self._path = f"/{uuid.uuid4().hex}"  # Only who got the event can answer it.
        self._answer: dict[str, Any] | None = None

    async def run(self, resource: str, function: str) -> None:
        runtime, response = loopback_sockets(2)
        invoker = Invoker(
            {function: self._stack.functions[function]},
            lambda part: function_variables(part, self._settings, self._folders.build),
            self._folders,
            [port_of(runtime)],
        )
        apps: dict[int, ASGIApp] = {
            port_of(runtime): runtime_api(invoker.environment_at),
            port_of(response): self._receive_answer,
        }
        server = PortServer(apps, before_end=lambda: invoker.close(0))
        event = self._event(resource, function, port_of(response))
        problem = ""
        async with server.running([runtime, response]):
            for _ in range(ATTEMPTS):
                answer = await invoker.invoke(function, json.dumps(event).encode())
                if self._answer is not None:
                    break
                problem = answer.body.decode(errors="replace")
        self._check(resource, function, problem)

    def _check(self, resource: str, function: str, problem: str) -> None:
        if self._answer is None:
            log = self._folders.logs / f"{function}.log"
            raise MigrationFailedError(
                f"{function} did not answer in {ATTEMPTS} attempts: {_line(problem)} (see {log})"
            )
        if self._answer.get("Status") != "SUCCESS":
            reason = _line(str(self._answer.get("Reason", "no reason was told")))
            raise MigrationFailedError(f"{resource} failed, and nothing was started: {reason}")

    def _event(self, resource: str, function: str, port: int) -> dict[str, Any]:
        """Return CloudFormation's event.

        See https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requesttypes-create.html
        """
        stack_id = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/kova/{uuid.uuid4()}"
        return {
            "RequestType": "Create",
            "ResponseURL": f"http://127.0.0.1:{port}{self._path}",
            "StackId": stack_id,
            "RequestId": str(uuid.uuid4()),
            "ResourceType": f"Custom::{resource}",
            "LogicalResourceId": resource,
            "ResourceProperties": {"ServiceToken": function_arn(function)},
        }

    async def _receive_answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if request.method != "PUT" or request.url.path != self._path:
            await Response(status_code=403)(scope, receive, send)
            return
        try:
            value = json.loads(await request.body())
        except ValueError:
            value = None
        if isinstance(value, dict):
            self._answer = value
        await Response(status_code=200 if self._answer else 400)(scope, receive, send)


def lambda_folders(build: Path, runtime_client: Path, data: Path) -> LambdaFolders:
    """Return the folders of a run below the data folder of the stack."""
    return LambdaFolders(
        build=build,
        runtime_client=runtime_client,
        logs=data / "logs",
        scratch=data / "lambda" / "environments",
    )


def _line(text: str) -> str:
    return " ".join(text.split())[:_MOST_REASON]
