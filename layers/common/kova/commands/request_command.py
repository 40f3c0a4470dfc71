"""Queue a command, and run a queued command."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from kova.access.subject import Subject
from kova.commands.command import Command, CommandRequest
from kova.commands.ports import CommandQueue, CommandStore
from kova.commands.run_command import RunCommand
from kova.models.outcome import Outcome
from kova.shared.exceptions import AiUnavailableError, KovaError, QueueUnavailableError

_LOG = logging.getLogger("kova.ai")


class RequestCommand:
    """Queues commands: POST /ai/command with `Prefer: respond-async`."""

    def __init__(self, *, run: RunCommand, commands: CommandStore, queue: CommandQueue) -> None:
        self._run = run
        self._commands = commands
        self._queue = queue

    async def request(self, request: CommandRequest, subject: Subject) -> Command:
        """Record a command, queue it, and return it.

        Raises:
            RepositoryNotFoundError: the repository is outside of the subject's reach.
            UnavailableError: the database or the queue does not answer.
        """
        command = self._run.begin(request, subject)
        await self._commands.save(command)
        try:
            await asyncio.to_thread(self._queue.send_command, command.id)
        except QueueUnavailableError:
            failed = replace(command, outcome=Outcome.FAILED, detail="queue_unavailable")
            await self._commands.save(failed)
            raise
        return command


class FinishCommand:
    """Runs queued commands: the command worker's job."""

    def __init__(self, *, run: RunCommand, commands: CommandStore) -> None:
        self._run = run
        self._commands = commands

    async def finish(self, command_id: str) -> None:
        """Run a queued command; nothing happens if it has ended.

        Raises:
            BusyError: another worker is running it; try again later.
            DatabaseUnavailableError: try again later.
        """
        command = await self._commands.claim(command_id, self._run.lease)
        if command is None:
            return
        try:
            await self._run.run_command(command)
        except KovaError as exc:
            recorded = await self._commands.get(command_id)
            if recorded is None or not recorded.outcome.is_final:
                raise  # The failure could not be recorded: the next attempt asks again.
            level = logging.WARNING if isinstance(exc, AiUnavailableError) else logging.INFO
            _LOG.log(level, "command not answered", extra={"reason": exc.reason})
