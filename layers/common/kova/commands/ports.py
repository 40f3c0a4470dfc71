"""What commands need from outside: their rows, cached answers, sessions, the queue, GitHub."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kova.access.subject import Subject
    from kova.commands.command import Command
    from kova.commands.comment import CommentJob
    from kova.models.prompt import Message
    from kova.shared.page import Page, PageRequest
    from kova.shared.repository import RepositoryRef


class CommandStore(Protocol):
    """Commands and their outcomes."""

    async def save(self, command: Command) -> None:
        """Record a command, or its new state.

        A final state is never replaced, and the first state replaces no other: it comes again
        when a command is begun again.
        """

    async def claim(self, command_id: str, lease: timedelta) -> Command | None:
        """Claim a queued command and return it; None when it has ended or does not exist.

        Raises:
            BusyError: another worker owns it, for `retry_after` seconds at most.
        """

    async def get(self, command_id: str) -> Command | None:
        """Return a command for a worker; None if there is none with this id."""

    async def find(self, command_id: str, subject: Subject) -> Command | None:
        """Return a command; None where there is none that this subject may see.

        People and keys see their own; an admin sees all in the reach. A command that names no
        repository is in the reach of everything alone.
        """

    async def page(self, request: PageRequest, subject: Subject) -> Page[Command]:
        """Return a page of the commands that somebody may see; newest first."""


class AnswerCache(Protocol):
    """Answered commands by the hash of their prompt. Errors are RedisUnavailableError."""

    async def find(self, identities: Sequence[str]) -> Command | None:
        """Return the first cached command of these identities; None if there is none."""

    async def keep(self, identity: str, command: Command) -> None:
        """Cache an answered command for a while."""


class SessionStore(Protocol):
    """Conversations. Errors are RedisUnavailableError."""

    async def open(self, session_id: str, api_key_id: str) -> tuple[Message, ...]:
        """Return the turns of a session; a new session has none.

        Raises:
            NotFoundError: another key began it.
        """

    async def append(self, session_id: str, api_key_id: str, turns: Sequence[Message]) -> None:
        """Add turns and prolong the session's life."""


class CommandQueue(Protocol):
    """The command queue."""

    def send_command(self, command_id: str) -> None:
        """Queue a command durably.

        Raises:
            QueueUnavailableError: it is not queued.
        """

    def send_comment(self, job: CommentJob) -> None:
        """Queue a command in a comment durably.

        Raises:
            QueueUnavailableError: it is not queued.
        """


class Conversation(Protocol):
    """Permissions and comments of GitHub. Errors are those of CodeSource."""

    async def permission(self, repository_ref: RepositoryRef, login: str) -> str:
        """Return a login's permission: admin, maintain, write, triage, read or none."""

    async def reply(
        self, repository_ref: RepositoryRef, number: int, marker: str, body: str
    ) -> None:
        """Write the comment that has this hidden marker, or edit it if it exists."""
