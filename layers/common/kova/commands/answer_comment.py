"""Answer a command in a comment with one reply, which later attempts edit."""

from __future__ import annotations

import hashlib
import hmac
import logging
import uuid
from dataclasses import replace
from typing import Final

from kova.access.subject import Subject
from kova.commands.command import Command, CommandRequest
from kova.commands.comment import WRITERS, CommentJob, Verb
from kova.commands.ports import CommandStore, Conversation
from kova.commands.run_command import RunCommand
from kova.errors.ignore_errors import IgnoreErrors
from kova.errors.ignoring import HOW, parse_ignore, reply_of
from kova.models.provider import Task
from kova.scans.request_scan import RequestScan
from kova.shared.code_source import CodeSource
from kova.shared.exceptions import KovaError, OwnerNotAllowedError, UnavailableError
from kova.shared.markdown import code
from kova.shared.quiet_text import mute_mentions, quiet
from kova.shared.reach import reach_of
from kova.shared.repository import RepositoryRef

_LOG = logging.getLogger("kova.ai")
_NAMESPACE: Final = uuid.UUID("6f1f6a52-5a52-4b0e-9d0c-6b6f76612d63")
_HELP: Final = """I know these commands:

- `/kova scan` scans this pull request, or the default branch
- `/kova fix` scans the default branch and offers the fixes that were proved
- `/kova review` reviews this pull request
- `/kova explain …` explains this pull request, or what you name
- `/kova ask …` answers a question about the code
- `/kova ignore RULE [path] reason` ignores the open errors of a rule, on a pull request those
  in the files that it changes"""
_REFUSAL: Final = "Sorry, I take commands only from people who can write to this repository."
_WORKING: Final = "I am on it."


class AnswerComment:
    """Does what a comment asks for and replies to it."""

    def __init__(
        self,
        *,
        conversation: Conversation,
        source: CodeSource,
        scan: RequestScan,
        ignore: IgnoreErrors,
        run: RunCommand,
        commands: CommandStore,
        secret: str,
    ) -> None:
        """Assemble the use case; `secret` makes the markers of replies unguessable."""
        self._conversation = conversation
        self._source = source
        self._scan = scan
        self._ignore = ignore
        self._run = run
        self._commands = commands
        self._secret = secret.encode()

    async def answer(self, job: CommentJob) -> None:
        """Answer a comment. A second call edits the same reply and asks no model again.

        A comment in a repository of an owner that Kova does not work for is left alone.

        Raises:
            UnavailableError: GitHub, the database or the queue does not answer; try again later.
            BusyError: another worker is answering it.
        """
        repository_ref = RepositoryRef(
            full_name=job.repository, installation_id=job.installation_id
        )
        try:
            await self._answer(job, repository_ref)
        except OwnerNotAllowedError as exc:
            log_context = {"repository": job.repository, "reason": exc.reason}
            _LOG.info("comment ignored", extra=log_context)

    async def _answer(self, job: CommentJob, repository_ref: RepositoryRef) -> None:
        if await self._conversation.permission(repository_ref, job.author) in WRITERS:
            marker = self._marker_of(_comment_key(job))
            reply = await self._dispatch(job, repository_ref, marker)
        else:
            # Once in a thread, however many strangers ask how often.
            marker = self._marker_of(f"{job.repository.lower()} refusal {job.number}")
            reply = _REFUSAL
        await self._conversation.reply(repository_ref, job.number, marker, mute_mentions(reply))

    def _marker_of(self, subject: str) -> str:
        digest = hmac.new(self._secret, subject.encode(), hashlib.sha256).hexdigest()
        return f"kova:reply:{digest[:24]}"

    async def _dispatch(self, job: CommentJob, repository_ref: RepositoryRef, marker: str) -> str:
        if job.verb is Verb.HELP or (job.verb is Verb.REVIEW and not job.pull_request):
            return _HELP
        if job.verb in {Verb.SCAN, Verb.FIX}:
            return await self._request_scan(job, repository_ref)
        if job.verb is Verb.IGNORE:
            return await self._ignore_errors(job, repository_ref)
        request = _request_of(job)
        if request is None:
            return _HELP
        return await self._run_command(job, repository_ref, marker, request)

    async def _request_scan(self, job: CommentJob, repository_ref: RepositoryRef) -> str:
        ref = None
        if job.pull_request and job.verb is Verb.SCAN:
            ref = (await self._source.pull_request(repository_ref, job.number)).head_sha
        fix = job.verb is Verb.FIX
        scan = await self._scan.request(
            job.repository, ref, full=False, fix=fix, reach=reach_of([job.repository])
        )
        ending = ", and its fixes will be offered as a pull request" if fix else ""
        return (
            f"Scan `{scan.id}` is queued{ending}. Its result will be the check run of the commit."
        )

    async def _ignore_errors(self, job: CommentJob, repository_ref: RepositoryRef) -> str:
        ignore_request = parse_ignore(job.argument)
        if ignore_request is None:
            return HOW
        paths = await self._changed_paths(job, repository_ref) if job.pull_request else None
        actor = f"github:{job.author}"
        ignoring = await self._ignore.ignore(
            job.repository, ignore_request, paths=paths, actor=actor
        )
        return reply_of(ignore_request, ignoring, pull_request=job.pull_request)

    async def _changed_paths(
        self, job: CommentJob, repository_ref: RepositoryRef
    ) -> frozenset[str]:
        """Return the paths that a pull request changes; of renamed files the old ones too."""
        pull = await self._source.pull_request(repository_ref, job.number)
        comparison = await self._source.compare(repository_ref, pull.base_sha, pull.head_sha)
        return comparison.changed | frozenset(comparison.renamed.values())

    async def _run_command(
        self, job: CommentJob, repository_ref: RepositoryRef, marker: str, request: CommandRequest
    ) -> str:
        """Run the command and return the text of its answer or failure.

        Its id follows from the comment, so that a second attempt finds the first one's answer.
        """
        command_id = str(uuid.uuid5(_NAMESPACE, _comment_key(job)))
        command = replace(self._run.begin(request, _author_of(job)), id=command_id)
        await self._commands.save(command)
        claimed = await self._commands.claim(command.id, self._run.lease)
        if claimed is not None:
            await self._reply_working(job, repository_ref, marker)
            try:
                return _render_answer(await self._run.run_command(claimed))
            except KovaError as exc:
                failed = await self._commands.get(command.id)
                if failed is None or not failed.outcome.is_final:
                    raise
                return f"I could not answer: {quiet(exc.message)}"
        earlier = await self._commands.get(command.id)
        if earlier is None:
            return "I could not answer: the command is gone."
        if earlier.answer is None:
            return f"I could not answer: {quiet(earlier.detail or 'it was cancelled.')}"
        return _render_answer(earlier)

    async def _reply_working(
        self, job: CommentJob, repository_ref: RepositoryRef, marker: str
    ) -> None:
        """Reply that the answer is on its way. A failure here does not keep the answer back."""
        try:
            await self._conversation.reply(repository_ref, job.number, marker, _WORKING)
        except UnavailableError as exc:
            _LOG.warning("working reply not sent", extra={"reason": exc.reason})


def _author_of(job: CommentJob) -> Subject:
    """Return who asks: with this repository alone, whatever else they may see."""
    return Subject(
        actor=f"github:{job.author}",
        name=job.author,
        scopes=frozenset(),
        reach=reach_of([job.repository]),
        key_id=None,
    )


def _request_of(job: CommentJob) -> CommandRequest | None:
    number = job.number if job.pull_request else None
    if job.verb is Verb.REVIEW:
        text = job.argument or "Review this pull request."
        return CommandRequest(
            command=text, task=Task.REVIEW, repository=job.repository, pull_request=number
        )
    if job.verb is Verb.EXPLAIN and number is not None:
        text = job.argument or "Explain what this pull request changes, and why it may."
        return CommandRequest(
            command=text, task=Task.ANALYZE, repository=job.repository, pull_request=number
        )
    if not job.argument:
        return None
    return CommandRequest(command=job.argument, repository=job.repository)


def _comment_key(job: CommentJob) -> str:
    return f"{job.repository.lower()}#{job.comment_id}"


def _render_answer(command: Command) -> str:
    answer = command.answer
    assert answer is not None
    parts = [quiet(answer.output)]
    parts += [
        f"- **{quiet(finding.severity)}** {code(f'{finding.path}:{finding.start_line}')}"
        f" {quiet(finding.message)}"
        for finding in answer.findings
    ]
    if answer.citations:
        places = [
            code(f"{citation.path}:{citation.start_line}-{citation.end_line}")
            for citation in answer.citations
        ]
        parts.append("Based on " + ", ".join(places) + ".")
    return "\n\n".join(parts)
