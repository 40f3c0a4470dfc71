"""The command worker, put together."""

from __future__ import annotations

from collections.abc import Mapping

from kova.adapters.github.conversation import GitHubConversation
from kova.adapters.sqs import SqsConsumer
from kova.bootstrap.commands import CommandRoot, secret_values
from kova.bootstrap.core import Core
from kova.bootstrap.errors import ErrorRoot
from kova.bootstrap.queue_worker import QueueWorker, worker_settings
from kova.bootstrap.scans import ScanRoot
from kova.bootstrap.settings import require
from kova.commands.answer_comment import AnswerComment
from kova.commands.comment import CommentJob
from kova.commands.dispatch_job import DispatchCommandJob, command_log_context
from kova.commands.message import decode_command_message
from kova.errors.ignore_errors import IgnoreErrors
from kova.shared.run_job import JobRunner


def handle_command_job(core: Core) -> JobRunner[str | CommentJob]:
    """Build the handler of one message of the command queue."""
    commands = CommandRoot(core)
    job = DispatchCommandJob(commands.finish, lambda: answer_comment(core, commands))
    return JobRunner(
        queue="command",
        decode=decode_command_message,
        work=job.dispatch,
        meter=core.meter,
        log_context=command_log_context,
    )


def answer_comment(core: Core, commands: CommandRoot) -> AnswerComment:
    """Build the answer to commands in comments; SettingsError without GitHub."""
    errors = ErrorRoot(core)
    return AnswerComment(
        conversation=GitHubConversation(core.github),
        source=core.source,
        scan=ScanRoot(core).request_scan,
        ignore=IgnoreErrors(errors=errors.errors, change=errors.change_error),
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
