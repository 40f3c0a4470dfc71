"""Invokes functions: environments are made on demand, used again, and given up when idle."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from kova.shared.exceptions import KovaError
from kova_server.local_lambda.execution_environment import (
    EnvironmentGoneError,
    ExecutionEnvironment,
    InvocationAnswer,
    LambdaFolders,
)
from kova_server.local_lambda.template import LambdaFunction

ENVIRONMENTS: Final = 10
"""How many environments there may be in all, as in a new account of AWS."""
_IDLE_SECONDS: Final = 300.0
_LOG = logging.getLogger("kova.lambda")


class TooManyInvocationsError(KovaError):
    """Every environment is at work."""

    reason = "lambda_throttled"


class Invoker:
    """The functions of a stack and their environments; one at each of some ports."""

    def __init__(
        self,
        functions: Mapping[str, LambdaFunction],
        variables: Callable[[LambdaFunction], Mapping[str, str]],
        folders: LambdaFolders,
        ports: Sequence[int],
    ) -> None:
        """Start nothing yet.

        Args:
            functions: by name.
            variables: returns those of a function, asked at each cold start.
            folders: where everything is.
            ports: of the Runtime API; as many environments can be there at a time.
        """
        self._functions = functions
        self._variables = variables
        self._folders = folders
        self._by_port: dict[int, ExecutionEnvironment | None] = dict.fromkeys(ports)
        self._busy: set[int] = set()
        self._room = asyncio.Condition()
        self._is_closed = False

    def environment_at(self, port: int) -> ExecutionEnvironment | None:
        """Return the environment at a port of the Runtime API."""
        return self._by_port.get(port)

    async def invoke(self, name: str, event: bytes, *, waits: bool = False) -> InvocationAnswer:
        """Invoke a function and return its answer.

        Args:
            name: of the function.
            event: JSON.
            waits: wait for an environment, as the queues' poller does.

        Raises:
            TooManyInvocationsError: every environment is at work, and it does not wait.
        """
        begin = time.monotonic()
        while True:
            environment = await self._acquire(self._functions[name], waits=waits)
            try:
                answer = await environment.invoke(event)
                break
            except EnvironmentGoneError:
                continue
            finally:
                await self._release(environment)
        _LOG.info(
            "invoked",
            extra={
                "function": name,
                "milliseconds": round((time.monotonic() - begin) * 1_000),
                "outcome": answer.body[:300].decode(errors="replace") if answer.is_error else "ok",
            },
        )
        return answer

    async def retire(self) -> None:
        """Give up every environment when it has done its event: the settings are others now."""
        for environment in self._environments():
            environment.is_retired = True
        await self._give_up(lambda environment: environment.is_retired)

    async def give_up_idle(self) -> None:
        """Give up the environments that were not used for five minutes."""
        limit = time.monotonic() - _IDLE_SECONDS
        await self._give_up(lambda environment: environment.last_used < limit)

    async def close(self, seconds: float) -> None:
        """Let events that are being worked on be done in so many seconds, then end everything."""
        self._is_closed = True
        async with self._room:
            self._room.notify_all()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._room.wait_for(lambda: not self._busy), seconds)
        await asyncio.gather(*(environment.end() for environment in self._environments()))

    def _environments(self) -> list[ExecutionEnvironment]:
        return [environment for environment in self._by_port.values() if environment is not None]

    async def _acquire(self, function: LambdaFunction, *, waits: bool) -> ExecutionEnvironment:
        async with self._room:
            while True:
                if self._is_closed:
                    raise TooManyInvocationsError
                port = self._free_port(function)
                if port is not None:
                    break
                if not waits:
                    raise TooManyInvocationsError
                await self._room.wait()
            self._busy.add(port)
        try:
            environment = self._by_port[port]
            if environment is not None and _is_usable(environment, function):
                return environment
            if environment is not None:
                await environment.end()
            environment = ExecutionEnvironment(
                function, self._variables(function), self._folders, port
            )
            self._by_port[port] = environment
            await environment.start()
        except BaseException:
            await self._free(port)
            raise
        return environment

    def _free_port(self, function: LambdaFunction) -> int | None:
        """Return the port of a warm environment, else an empty one, else the longest idle one."""
        idle = [port for port in self._by_port if port not in self._busy]
        empty = []
        for port in idle:
            environment = self._by_port[port]
            if environment is None or not environment.is_alive:
                empty.append(port)
            elif _is_usable(environment, function):
                return port
        if empty:
            return empty[0]
        return min(idle, key=self._last_used, default=None)

    def _last_used(self, port: int) -> float:
        environment = self._by_port[port]
        return environment.last_used if environment else 0.0

    async def _release(self, environment: ExecutionEnvironment) -> None:
        if environment.is_retired or not environment.is_alive:
            await environment.end()
            self._by_port[environment.port] = None
        await self._free(environment.port)

    async def _free(self, port: int) -> None:
        async with self._room:
            self._busy.discard(port)
            self._room.notify_all()

    async def _give_up(self, matches: Callable[[ExecutionEnvironment], bool]) -> None:
        for environment in self._environments():
            if environment.port in self._busy or not matches(environment):
                continue
            self._busy.add(environment.port)
            await environment.end()
            self._by_port[environment.port] = None
            await self._free(environment.port)


def _is_usable(environment: ExecutionEnvironment, function: LambdaFunction) -> bool:
    is_same = environment.function.name == function.name
    return is_same and environment.is_alive and not environment.is_retired
