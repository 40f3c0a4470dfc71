"""Dispatch a job of the command queue: a command that was queued, or a command in a comment."""

from __future__ import annotations

from collections.abc import Callable

from kova.commands.answer_comment import AnswerComment
from kova.commands.comment import CommentJob
from kova.commands.request_command import FinishCommand


class DispatchCommandJob:
    """Hands a job to the use case that can do it."""

    def __init__(self, finish: FinishCommand, answer: Callable[[], AnswerComment]) -> None:
        """Assemble the dispatch; `answer` is called at the first comment, for it needs GitHub."""
        self._finish = finish
        self._answer = answer

    async def dispatch(self, job: str | CommentJob) -> str:
        """Do the job of a command's id or of a comment, and return what it is about."""
        if isinstance(job, str):
            await self._finish.finish(job)
        else:
            await self._answer().answer(job)
        return subject_of(job)


def subject_of(job: str | CommentJob) -> str:
    """Return the command's id, or `OWNER/NAME#COMMENT` for a comment."""
    return job if isinstance(job, str) else f"{job.repository}#{job.comment_id}"


def command_log_context(job: str | CommentJob) -> dict[str, object]:
    """Return the ids by which log lines about a job of the command queue can be found."""
    return {"about": subject_of(job)}
