"""Handle one message of the command queue and say what becomes of the message."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from kova.commands.answer_comment import AnswerComment
from kova.commands.message import decode_command_message
from kova.commands.request_command import FinishCommand
from kova.shared.exceptions import KovaError, MalformedMessageError
from kova.shared.retry import GiveUp, Retry, plan_retry

_LOG = logging.getLogger("kova.ai")


@dataclass(frozen=True, kw_only=True)
class CommandDone:
    """The message may be deleted. `about` is the command's id, or the comment."""

    about: str


class HandleCommandJob:
    """Decides between done, again later, and never again."""

    def __init__(self, finish: FinishCommand, answer: Callable[[], AnswerComment]) -> None:
        """Take the job of a command for later, and how to get that of a comment."""
        self._finish = finish
        self._answer = answer

    async def handle(self, body: str, attempt: int) -> CommandDone | Retry | GiveUp:
        """Handle one message. `attempt` counts its receipts from 1."""
        try:
            job = decode_command_message(body)
        except MalformedMessageError as exc:
            _LOG.error("message refused", extra={"reason": exc.reason})
            return GiveUp(reason=exc.reason)
        about = job if isinstance(job, str) else f"{job.repository}#{job.comment_id}"
        try:
            if isinstance(job, str):
                await self._finish.run(job)
            else:
                await self._answer().run(job)
        except Exception as exc:  # noqa: BLE001 (the boundary: every failure becomes a decision)
            plan = plan_retry(exc, attempt)
            _LOG.warning(
                "command not done",
                exc_info=None if isinstance(exc, KovaError) else exc,
                extra={"about": about, "attempt": attempt, "plan": repr(plan)},
            )
            return plan
        return CommandDone(about=about)
