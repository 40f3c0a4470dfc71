"""Answer what people ask for in a chat: each thing once, whoever delivers it how often."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from kova.access.api_key import Scope
from kova.commands.chat import ChatJob, ChatKind
from kova.notifications.exceptions import ChannelRefusedError, MessageRefusedError
from kova.notifications.press_button import FORBIDDEN
from kova.shared.exceptions import BusyError, KovaError, UnavailableError

if TYPE_CHECKING:
    from kova.access.subject import Subject
    from kova.errors.ports import ErrorStore
    from kova.fixes.ports import FixStore
    from kova.notifications.chat_commands import ChatCommands
    from kova.notifications.compose_post import ComposePost
    from kova.notifications.ports import ChatClaims, ChatConversation, ChatPeople
    from kova.notifications.post import ChatPost
    from kova.notifications.press_button import PressButton

_LEASE: Final = timedelta(seconds=120)
_PAGE: Final = re.compile(r"/ui/(errors|fixes)/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/?")
_LOG: Final = logging.getLogger("kova.slack")


class AnswerChat:
    """The command worker's job for what comes from a chat."""

    def __init__(
        self,
        *,
        people: ChatPeople,
        claims: ChatClaims,
        conversation: ChatConversation,
        commands: ChatCommands,
        buttons: PressButton,
        errors: ErrorStore,
        fixes: FixStore,
        compose: ComposePost,
        public_url: str | None,
    ) -> None:
        """Without `public_url` no link is Kova's own."""
        self._people = people
        self._claims = claims
        self._conversation = conversation
        self._commands = commands
        self._buttons = buttons
        self._errors = errors
        self._fixes = fixes
        self._compose = compose
        self._public_url = urlsplit(public_url) if public_url else None

    async def answer(self, job: ChatJob) -> None:
        """Do the job unless it is done. People that Kova does not know are refused.

        Raises:
            UnavailableError: try again later.
            BusyError: another worker is at it, or another person.
        """
        key = f"event:{job.id}"
        done = await self._claims.claim(key, holder=job.id, name=job.user, lease=_LEASE)
        if done is not None:
            return
        outcome = "done"
        try:
            subject = await self._people.subject(job.team, job.user)
            if job.kind is ChatKind.LINKS:
                await self._unfurl(job, subject)
            else:
                await self._say(job, await self._act(job, subject))
        except (ChannelRefusedError, MessageRefusedError) as exc:
            # Nobody can be told where the chat refuses: the log says it.
            _LOG.warning("no answer", extra={"reason": exc.reason, "error": exc.message})
            outcome = exc.reason
        await self._claims.finish(key, holder=job.id, outcome=outcome)

    async def _act(self, job: ChatJob, subject: Subject | None) -> str:
        """Return what to say; what can be mended later is raised."""
        if subject is None:
            return FORBIDDEN
        try:
            if job.kind in {ChatKind.PUBLISH, ChatKind.IGNORE}:
                return await self._buttons.press(job, subject)
            return await self._commands.answer(job, subject)
        except (UnavailableError, BusyError, ChannelRefusedError, MessageRefusedError):
            raise
        except KovaError as exc:
            return exc.message

    async def _say(self, job: ChatJob, text: str) -> None:
        if job.kind is ChatKind.MENTION:
            await self._conversation.reply(job.channel, job.thread, text, message_id=job.id)
        else:
            await self._conversation.respond(job.response_url, job.channel, job.user, text)

    async def _unfurl(self, job: ChatJob, subject: Subject | None) -> None:
        """Show what links to Kova's own pages are about, if who wrote them may see it."""
        if subject is None or Scope.READ not in subject.scopes:
            return
        posts: dict[str, ChatPost] = {}
        for url in job.text.split("\n"):
            post = await self._post_of(url, subject)
            if post is not None:
                posts[url] = post
        if posts:
            await self._conversation.unfurl(job.channel, job.message, posts)

    async def _post_of(self, url: str, subject: Subject) -> ChatPost | None:
        try:
            parts = urlsplit(url)
        except ValueError:
            return None
        own = self._public_url
        match = _PAGE.fullmatch(parts.path)
        if own is None or match is None or (parts.scheme, parts.netloc) != (own.scheme, own.netloc):
            return None
        if match[1] == "errors":
            error = await self._errors.get(match[2], subject.reach)
            if error is None:
                return None
            return await self._compose.error_post(error, done=f"It is {error.status}.")
        fix = await self._fixes.get(match[2], subject.reach)
        if fix is None:
            return None
        return await self._compose.fix_post(fix, done=f"It is {fix.status}.")
