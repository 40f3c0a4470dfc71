"""Take a command for later: the row first, then the job; and do the job."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from kova.commands.command import Command, CommandRequest
from kova.commands.ports import CommandQueue, CommandStore
from kova.commands.run_command import RunCommand
from kova.models.outcome import Outcome
from kova.shared.exceptions import AiUnavailableError, KovaError, QueueUnavailableError

_LOG = logging.getLogger("kova.ai")


class RequestCommand:
    """POST /ai/command with `Prefer: respond-async`."""

    def __init__(self, *, run: RunCommand, commands: CommandStore, queue: CommandQueue) -> None:
        """Take how commands begin, where they are kept, and the queue."""
        self._run = run
        self._commands = commands
        self._queue = queue

    async def run(self, request: CommandRequest, api_key_id: str | None) -> Command:
        """Record the command and queue it.

        Raises:
            UnavailableError: the database or the queue does not answer.
        """
        command = self._run.begin(request, api_key_id)
        await self._commands.save(command)
        try:
            await asyncio.to_thread(self._queue.send_command, command.id)
        except QueueUnavailableError:
            failed = replace(command, outcome=Outcome.FAILED, detail="queue_unavailable")
            await self._commands.save(failed)
            raise
        return command


class FinishCommand:
    """The command worker's job."""

    def __init__(self, *, run: RunCommand, commands: CommandStore) -> None:
        """Take how commands run and where they are kept."""
        self._run = run
        self._commands = commands

    async def run(self, command_id: str) -> None:
        """Run a queued command; one that has ended already is left alone.

        Raises:
            BusyError: another worker has it in hand; try again later.
            DatabaseUnavailableError: try again later.
        """
        command = await self._commands.claim(command_id, self._run.lease)
        if command is None:
            return
        try:
            await self._run.run(command)
        except KovaError as exc:
            ended = await self._commands.get(command_id)
            if ended is None or not ended.outcome.final:
                raise  # The end could not be recorded: the next attempt asks again.
            level = logging.WARNING if isinstance(exc, AiUnavailableError) else logging.INFO
            _LOG.log(level, "command not answered", extra={"reason": exc.reason})
