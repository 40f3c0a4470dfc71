"""Do what a button says: once, whoever presses it and however often; the message says by whom."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from kova.access.api_key import Scope
from kova.commands.chat import ChatJob, ChatKind
from kova.errors.error import ErrorStatus
from kova.notifications.notice import NoticeKind
from kova.notifications.route_notices import SLACK_PREFIX
from kova.shared.exceptions import ConflictError, ForbiddenError, NotFoundError, UnavailableError
from kova.shared.reach import EVERYTHING

if TYPE_CHECKING:
    from kova.access.subject import Subject
    from kova.errors.change_error import ChangeError
    from kova.errors.ports import ErrorStore
    from kova.fixes.ports import FixStore
    from kova.fixes.request_publish import RequestPublish
    from kova.notifications.compose_post import ComposePost
    from kova.notifications.ports import ChatClaims, ChatConversation, NoticeStore

_LEASE: Final = timedelta(seconds=60)
FORBIDDEN: Final = "Sorry, you may not do this here. An administrator of Kova can change that."


class PressButton:
    """Publishes fixes and ignores errors for people in a chat."""

    def __init__(
        self,
        *,
        errors: ErrorStore,
        fixes: FixStore,
        change: ChangeError,
        publish: Callable[[], RequestPublish],
        notices: NoticeStore,
        compose: ComposePost,
        claims: ChatClaims,
        conversation: ChatConversation,
    ) -> None:
        """`publish` is called at the first press, for it needs the queue."""
        self._errors = errors
        self._fixes = fixes
        self._change = change
        self._publish = publish
        self._notices = notices
        self._compose = compose
        self._claims = claims
        self._conversation = conversation

    async def press(self, job: ChatJob, subject: Subject) -> str:
        """Do it unless it is done, update the message, and return what to say to the person.

        Raises:
            ForbiddenError: the person may not.
            NotFoundError: the fix or the error is gone.
            ConflictError: it cannot be done any more.
            BusyError: somebody else is at it; try again later.
            UnavailableError: try again later.
        """
        if Scope.SCAN not in subject.scopes:
            raise ForbiddenError(FORBIDDEN)
        return await (
            self._press_publish(job, subject)
            if job.kind is ChatKind.PUBLISH
            else self._press_ignore(job, subject)
        )

    async def _press_publish(self, job: ChatJob, subject: Subject) -> str:
        fix = await self._fixes.get(job.target, subject.reach)
        if fix is None:
            raise NotFoundError("There is no such fix any more.")
        digest = hashlib.sha256(fix.patch.encode("utf-8", "replace")).hexdigest()[:16]

        async def act() -> str:
            await self._publish().request(fix.id, actor=subject.actor, reach=subject.reach)
            return f"{subject.name} has asked to publish this fix."

        return await self._once(f"publish:{fix.id}:{digest}", job, subject, act)

    async def _press_ignore(self, job: ChatJob, subject: Subject) -> str:
        error = await self._errors.get(job.target, subject.reach)
        if error is None:
            raise NotFoundError("There is no such error any more.")

        async def act() -> str:
            await self._change.ignore(
                job.target,
                reason=job.text,
                until=None,
                actor=subject.actor,
                reach=subject.reach,
            )
            return f"{subject.name} ignores this error: {job.text}"

        is_open = error.status is ErrorStatus.OPEN
        return await self._once(f"ignore:{error.id}", job, subject, act, again=is_open)

    async def _once(
        self,
        key: str,
        job: ChatJob,
        subject: Subject,
        act: Callable[[], Awaitable[str]],
        *,
        again: bool = False,
    ) -> str:
        earlier = await self._claims.claim(
            key, holder=job.id, name=subject.name, lease=_LEASE, again=again
        )
        if earlier is not None:
            await self._update(job, earlier.outcome)
            return f"That is done already: {earlier.outcome}"
        try:
            outcome = await act()
        except UnavailableError:
            raise  # The next attempt of this job has the claim still.
        except (ConflictError, NotFoundError):
            await self._claims.abandon(key, holder=job.id)
            raise
        await self._claims.finish(key, holder=job.id, outcome=outcome)
        await self._update(job, outcome)
        return outcome

    async def _update(self, job: ChatJob, outcome: str) -> None:
        """Let the message say who did it, in place of its buttons."""
        if not job.channel or not job.message:
            return
        notices = await self._notices.notices_of(SLACK_PREFIX + job.channel, job.message)
        if len(notices) != 1:
            return
        notice = notices[0]
        post = None
        if notice.kind is NoticeKind.FIX_READY:
            fix = await self._fixes.get(notice.subject, EVERYTHING)
            post = await self._compose.fix_post(fix, done=outcome) if fix else None
        elif notice.kind is NoticeKind.ERROR_OPENED:
            error = await self._errors.get(notice.subject, EVERYTHING)
            post = await self._compose.error_post(error, done=outcome) if error else None
        if post is not None:
            await self._conversation.update(job.channel, job.message, post)
