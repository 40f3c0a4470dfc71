"""The command worker, put together."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from kova.adapters.github.conversation import GitHubConversation
from kova.adapters.sqs_consumer import SqsConsumer
from kova.bootstrap.commands import CommandRoot, secret_values
from kova.bootstrap.core import Core
from kova.bootstrap.errors import ErrorRoot
from kova.bootstrap.scans import ScanRoot
from kova.bootstrap.settings import require
from kova.bootstrap.workers.queue_worker import QueueWorker, worker_settings
from kova.commands.answer_comment import AnswerComment
from kova.commands.chat import ChatJob
from kova.commands.chat_message import decode_chat_job
from kova.commands.comment import CommentJob
from kova.commands.dispatch_job import DispatchCommandJob, command_log_context
from kova.commands.message import decode_command_message
from kova.errors.ignore_errors import IgnoreErrors
from kova.shared.exceptions import MalformedMessageError
from kova.shared.run_job import JobRunner, Receipt

if TYPE_CHECKING:
    from kova.notifications.answer_chat import AnswerChat


Job = str | CommentJob | ChatJob


def handle_command_job(core: Core) -> JobRunner[Job]:
    """Build the handler of one message of the command queue."""
    commands = CommandRoot(core)
    job = DispatchCommandJob(commands.finish, lambda: answer_comment(core, commands))
    chat = _Chat(core, commands)

    async def work(message: Job, _: Receipt) -> str:
        if isinstance(message, ChatJob):
            await chat.answer.answer(message)
            return message.id
        return await job.dispatch(message)

    return JobRunner(
        queue="command",
        decode=_decode,
        work=work,
        meter=core.meter,
        log_context=_log_context,
    )


class _Chat:
    """The answer to what comes from a chat, built for the first of it."""

    def __init__(self, core: Core, commands: CommandRoot) -> None:
        self._core = core
        self._commands = commands

    @cached_property
    def answer(self) -> AnswerChat:
        from kova.bootstrap.chat.chat_job import answer_chat

        return answer_chat(self._core, self._commands)


def _decode(body: str) -> Job:
    try:
        return decode_command_message(body)
    except MalformedMessageError:
        return decode_chat_job(body)


def _log_context(job: Job) -> dict[str, object]:
    return {"about": job.id} if isinstance(job, ChatJob) else command_log_context(job)


def answer_comment(core: Core, commands: CommandRoot) -> AnswerComment:
    """Build the answer to commands in comments; SettingsError without GitHub."""
    errors = ErrorRoot(core)
    return AnswerComment(
        conversation=GitHubConversation(core.github),
        source=core.source,
        scan=ScanRoot(core).request_scan,
        ignore=IgnoreErrors(errors=errors.errors),
        run=commands.run,
        commands=commands.commands,
        secret="\n".join(secret_values(core.settings)),
    )


def build_command_worker(variables: Mapping[str, str]) -> QueueWorker:
    """Build the worker of the command queue for a function."""
    settings = worker_settings(variables, "KOVA_DATABASE_URL", "KOVA_COMMAND_QUEUE_URL")
    core = Core(settings, interactive=False)
    url = require(settings.ai.command_queue_url, "KOVA_COMMAND_QUEUE_URL")
    return QueueWorker(handle_command_job(core), SqsConsumer(core.sqs, url), core)
