"""Commands and their queue in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any

from kova.access.api_key import Scope
from kova.access.subject import Subject
from kova.adapters.memory.availability import Switchable
from kova.adapters.memory.clock import Clock
from kova.adapters.memory.pages import newest_first
from kova.commands.answer_values import answer_from_values, answer_to_values
from kova.commands.command import Command, CommandRequest
from kova.commands.comment import CommentJob
from kova.commands.message import encode_command_job, encode_comment_job
from kova.models.outcome import Outcome
from kova.shared.exceptions import BusyError, QueueUnavailableError
from kova.shared.page import Page, PageRequest, Position
from kova.shared.text import clean


class MemoryCommandStore(Switchable):
    """Implements commands.ports.CommandStore."""

    def __init__(self, now: Callable[[], datetime] | None = None) -> None:
        self._now = now or Clock()
        self._commands: dict[str, Command] = {}
        self._leases: dict[str, datetime] = {}

    async def save(self, command: Command) -> None:
        """Record a command, or its new state; a final state is never replaced."""
        self.check()
        earlier = self._commands.get(command.id)
        if earlier is None:
            self._commands[command.id] = _storable(command)
        elif not earlier.outcome.is_final and command.outcome is not Outcome.QUEUED:
            self._commands[command.id] = replace(
                _storable(command),
                api_key_id=earlier.api_key_id,
                actor=earlier.actor,
                reach=earlier.reach,
                task=earlier.task,
                created_at=earlier.created_at,
            )
            self._leases.pop(command.id, None)

    async def claim(self, command_id: str, lease: timedelta) -> Command | None:
        """Claim a queued command, or one whose worker's lease is over."""
        self.check()
        command, now = self._commands.get(command_id), self._now()
        if command is None or command.outcome.is_final:
            return None
        ends = self._leases.get(command_id, now)
        if command.outcome is Outcome.RUNNING and ends >= now:
            raise BusyError(retry_after=(ends - now).total_seconds())
        self._leases[command_id] = now + lease
        self._commands[command_id] = replace(command, outcome=Outcome.RUNNING)
        return self._commands[command_id]

    async def get(self, command_id: str) -> Command | None:
        """Return a command; None if there is none with this id."""
        self.check()
        return self._commands.get(command_id)

    async def find(self, command_id: str, subject: Subject) -> Command | None:
        """Return a command; None where there is none that this subject may see."""
        command = await self.get(command_id)
        return command if command is not None and _is_visible(command, subject) else None

    async def page(self, request: PageRequest, subject: Subject) -> Page[Command]:
        """Return a page of the commands that somebody may see; newest first."""
        self.check()
        return newest_first(
            (command for command in self.all() if _is_visible(command, subject)),
            request,
            lambda command: Position(at=command.created_at, id=command.id),
        )

    def all(self) -> tuple[Command, ...]:
        """Return every command, in the order of their first recording."""
        return tuple(self._commands.values())


class MemoryCommandQueue(Switchable):
    """Implements commands.ports.CommandQueue; `messages` are as the worker receives them."""

    outage = QueueUnavailableError

    def __init__(self) -> None:
        self.messages: list[str] = []

    def send_command(self, command_id: str) -> None:
        """Queue a command."""
        self.check()
        self.messages.append(encode_command_job(command_id))

    def send_comment(self, job: CommentJob) -> None:
        """Queue a command in a comment."""
        self.check()
        self.messages.append(encode_comment_job(job))


def _is_visible(command: Command, subject: Subject) -> bool:
    repository, reach = command.request.repository, subject.reach
    if subject.key_id is not None:
        is_own = command.api_key_id == subject.key_id
    else:
        is_own = command.api_key_id is None and command.actor == subject.actor
    if is_own and (repository is None or reach.covers(repository)):
        return True
    return Scope.ADMIN in subject.scopes and reach.covers(repository)


def _storable(command: Command) -> Command:
    """Return the command as Postgres would store it: texts cleaned, an answer only if it is ok."""
    values: dict[str, Any] = {
        field.name: getattr(command.request, field.name) for field in fields(CommandRequest)
    }
    texts = {name: clean(value) for name, value in values.items() if type(value) is str}
    answer = command.answer if command.outcome is Outcome.OK else None
    return replace(
        command,
        request=CommandRequest(**{**values, **texts}),
        answer=answer_from_values(answer_to_values(answer)) if answer is not None else None,
        detail=clean(command.detail) if command.detail is not None else None,
    )
