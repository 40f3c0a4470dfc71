"""What notifications need from outside: their rows, and the chats."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kova.access.subject import Role, Subject
    from kova.notifications.chat_claim import DoneClaim
    from kova.notifications.notice import (
        ChannelClaim,
        DueMessage,
        MessageRecord,
        Notice,
        PlannedMessage,
    )
    from kova.notifications.post import ChatPost
    from kova.shared.page import Page, PageRequest


class NoticeStore(Protocol):
    """Notices and the messages about them.

    The stores of errors, fixes, scans and budgets record notices in their own transactions.
    """

    async def route(self, plan: Callable[[Sequence[Notice]], Sequence[PlannedMessage]]) -> int:
        """Plan the messages of new notices and record them, in one transaction.

        Returns:
            How many notices there were. Each is planned once.
        """

    async def claim(self, lease: timedelta) -> ChannelClaim | None:
        """Claim a channel that has a message due and that may be sent to now."""

    async def seconds_until_free(self) -> float | None:
        """Return when a channel with a due message may be sent to again; None: there is none.

        Channels that another worker sends to are its own.
        """

    async def begin(self, claim: ChannelClaim, lease: timedelta) -> DueMessage | None:
        """Record that the channel's next message is being sent, and prolong the lease.

        A message waits for the earlier ones of its thread. None: nothing is due, or the claim was
        lost.
        """

    async def record_sent(
        self, claim: ChannelClaim, message_id: str, reference: str, pause: timedelta
    ) -> None:
        """Record the channel's id of a message that is there.

        The channel's next message is sent after a pause.
        """

    async def put_back(
        self,
        claim: ChannelClaim,
        message_id: str,
        *,
        reason: str,
        delay: timedelta,
        certain: bool,
        whole_channel: bool,
    ) -> None:
        """Let the message be sent later.

        Args:
            claim: the channel.
            message_id: the message.
            reason: why, for people.
            delay: how long to wait.
            certain: the channel has refused it for sure; otherwise it may be there.
            whole_channel: no message of the channel is sent meanwhile; that was no attempt.
        """

    async def end(self, claim: ChannelClaim, message_id: str, *, reason: str, failed: bool) -> None:
        """Give a message up, or drop it because there is nothing to tell any more."""

    async def release(self, claim: ChannelClaim) -> None:
        """Let others send to the channel."""

    async def record_digest(self, day: str) -> int:
        """Record the notices of a day's digest, one a repository; return how many are new.

        A repository in which nothing changed in the last 24 hours has none.
        """

    async def notices_of(self, channel: str, reference: str) -> Sequence[Notice]:
        """Return what a message that was sent is about; nothing where it is none of Kova's."""

    async def page(self, request: PageRequest) -> Page[MessageRecord]:
        """List the messages, newest first."""


class Messenger(Protocol):
    """A chat. What it refuses is a MessageRefusedError, what may pass a MessengerError."""

    async def send(
        self, channel: str, post: ChatPost, *, message_id: str, thread: tuple[str, str | None]
    ) -> str:
        """Send a message and return the chat's id of it.

        Args:
            channel: the channel, without the prefix of the chat.
            post: what it says.
            message_id: Kova's id, by which `find` recognises the message.
            thread: Kova's key of the thread, and the chat's id of its first message, if any.
        """

    async def find(
        self, channel: str, *, message_id: str, thread_reference: str | None, since: datetime
    ) -> str | None:
        """Return the chat's id of a message that an attempt since then may have sent."""


class Roles(Protocol):
    """What people may do, by the address that a chat has of them."""

    def of(self, address: str) -> Role | None:
        """Return the role of the person with this address; None: nobody that Kova knows."""


class ChatPeople(Protocol):
    """Who somebody in a chat is."""

    async def subject(self, team: str, user: str) -> Subject | None:
        """Return who it is, by their address and the roles' rules; None: nobody that Kova knows.

        Raises:
            MessengerError: the chat does not answer.
        """


class ChatClaims(Protocol):
    """What is done once, whoever asks for it and however often."""

    async def claim(
        self, key: str, *, holder: str, name: str, lease: timedelta, again: bool = False
    ) -> DoneClaim | None:
        """Claim a key, or return who did it.

        The same holder may claim a key again whose work was cut short.

        Args:
            key: what is done.
            holder: the job.
            name: whose job it is, for people.
            lease: after which the holder counts as dead.
            again: what was done was undone since: it may be done again.

        Raises:
            BusyError: somebody else is at it.
        """

    async def finish(self, key: str, *, holder: str, outcome: str) -> None:
        """Record that it is done."""

    async def abandon(self, key: str, *, holder: str) -> None:
        """Let anybody claim it: it could not be done."""


class ChatConversation(Protocol):
    """Answers in a chat; errors are those of a Messenger."""

    async def reply(self, channel: str, thread: str, text: str, *, message_id: str) -> None:
        """Answer in a thread; the same `message_id` again changes nothing."""

    async def respond(self, response_url: str, channel: str, user: str, text: str) -> None:
        """Answer one person alone."""

    async def update(self, channel: str, reference: str, post: ChatPost) -> None:
        """Replace a message."""

    async def unfurl(self, channel: str, reference: str, posts: Mapping[str, ChatPost]) -> None:
        """Show what the links of a message are about."""
