"""What is remembered of commands: the ledger, the budget, answers to reuse, sessions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from kova.commands.command import Command
from kova.commands.comment import CommentJob
from kova.models.prompt import Message
from kova.shared.page import Page, PageRequest
from kova.shared.repository import RepositoryRef


class CommandStore(Protocol):
    """Commands and their outcomes."""

    async def save(self, command: Command) -> None:
        """Record a command, or its new state.

        A final state is never replaced, and none by the first one: that of a command that is
        begun again.
        """

    async def claim(self, command_id: str, lease: timedelta) -> Command | None:
        """Take a queued command in hand; None when it is finished or there is none.

        Raises:
            BusyError: another worker has it in hand, for `retry_after` seconds at most.
        """

    async def get(self, command_id: str) -> Command | None:
        """Find one by id."""

    async def page(self, request: PageRequest, api_key_id: str | None) -> Page[Command]:
        """List, newest first; those of one key, or all."""


class AnswerCache(Protocol):
    """Commands that were answered, by content. Errors are RedisUnavailableError."""

    async def find(self, identities: Sequence[str]) -> Command | None:
        """Return the first that is known."""

    async def keep(self, identity: str, command: Command) -> None:
        """Remember an answer for a while."""


class SessionStore(Protocol):
    """Conversations. Errors are RedisUnavailableError."""

    async def open(self, session_id: str, api_key_id: str) -> tuple[Message, ...]:
        """Return the turns so far; a new session has none.

        Raises:
            NotFoundError: another key began it.
        """

    async def append(self, session_id: str, api_key_id: str, turns: Sequence[Message]) -> None:
        """Add turns, and keep the session for another while."""


class CommandQueue(Protocol):
    """The queue of commands that are answered later."""

    def send_command(self, command_id: str) -> None:
        """Accept a command durably.

        Raises:
            QueueUnavailableError: it was not accepted.
        """

    def send_comment(self, job: CommentJob) -> None:
        """Accept a command in a comment durably.

        Raises:
            QueueUnavailableError: it was not accepted.
        """


class Conversation(Protocol):
    """Reads who may do what, and replies. Errors are those of CodeSource."""

    async def permission(self, repository: RepositoryRef, login: str) -> str:
        """Return somebody's permission now: admin, maintain, write, triage, read or none."""

    async def reply(self, repository: RepositoryRef, number: int, marker: str, body: str) -> None:
        """Write the one comment with a hidden marker, or edit it when it is there."""
