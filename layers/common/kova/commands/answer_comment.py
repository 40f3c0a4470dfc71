"""Answer a command in a comment: who may, what is asked, one reply that is edited in place."""

from __future__ import annotations

import hashlib
import hmac
import logging
import uuid
from dataclasses import replace
from typing import Final

from kova.commands.command import Command, CommandRequest
from kova.commands.comment import WRITERS, CommentJob, Verb, quiet
from kova.commands.ports import CommandStore, Conversation
from kova.commands.run_command import RunCommand
from kova.errors.ignore_errors import IgnoreErrors
from kova.errors.ignoring import HOW, parse_ignore, reply_of
from kova.models.provider import Task
from kova.scans.request_scan import RequestScan
from kova.shared.code_source import CodeSource
from kova.shared.exceptions import KovaError, UnavailableError
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
_WORKING: Final = "I am on it."


class AnswerComment:
    """One comment, one reply."""

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
        """Take GitHub, the use cases behind the verbs, and what makes markers unguessable."""
        self._conversation = conversation
        self._source = source
        self._scan = scan
        self._ignore = ignore
        self._run = run
        self._commands = commands
        self._secret = secret.encode()

    async def run(self, job: CommentJob) -> None:
        """Answer; doing it again ends in the same reply and asks no model twice.

        Raises:
            UnavailableError: GitHub, the database or the queue does not answer; try again later.
            BusyError: another worker answers it.
        """
        address = RepositoryRef(full_name=job.repository, installation_id=job.installation_id)
        marker = self._marker(job)
        if await self._conversation.permission(address, job.author) not in WRITERS:
            told = "Sorry, I take commands only from people who can write to this repository."
        else:
            told = await self._done(job, address, marker)
        await self._conversation.reply(address, job.number, marker, quiet(told))

    def _marker(self, job: CommentJob) -> str:
        about = f"{job.repository.lower()}#{job.comment_id}".encode()
        return "kova:reply:" + hmac.new(self._secret, about, hashlib.sha256).hexdigest()[:24]

    async def _done(self, job: CommentJob, address: RepositoryRef, marker: str) -> str:
        if job.verb is Verb.HELP or (job.verb is Verb.REVIEW and not job.pull_request):
            return _HELP
        if job.verb in {Verb.SCAN, Verb.FIX}:
            return await self._scanned(job, address)
        if job.verb is Verb.IGNORE:
            return await self._ignored(job, address)
        request = _request(job)
        if request is None:
            return _HELP
        return await self._answered(job, address, marker, request)

    async def _scanned(self, job: CommentJob, address: RepositoryRef) -> str:
        ref = None
        if job.pull_request and job.verb is Verb.SCAN:
            ref = (await self._source.pull_request(address, job.number)).head_sha
        fix = job.verb is Verb.FIX
        scan = await self._scan.request(job.repository, ref, full=False, fix=fix)
        ending = ", and its fixes will be offered as a pull request" if fix else ""
        return (
            f"Scan `{scan.id}` is queued{ending}. Its result will be the check run of the commit."
        )

    async def _ignored(self, job: CommentJob, address: RepositoryRef) -> str:
        wanted = parse_ignore(job.argument)
        if wanted is None:
            return HOW
        paths = await self._changed(job, address) if job.pull_request else None
        actor = f"github:{job.author}"
        ignoring = await self._ignore.ignore(job.repository, wanted, paths=paths, actor=actor)
        return reply_of(wanted, ignoring, pull_request=job.pull_request)

    async def _changed(self, job: CommentJob, address: RepositoryRef) -> frozenset[str]:
        """Return the files that a pull request changes, by their names before it and after."""
        pull = await self._source.pull_request(address, job.number)
        compared = await self._source.compare(address, pull.base_sha, pull.head_sha)
        return compared.changed | frozenset(compared.renamed.values())

    async def _answered(
        self, job: CommentJob, address: RepositoryRef, marker: str, request: CommandRequest
    ) -> str:
        """Run the command under an id that the comment decides, and put its end into words."""
        begun = self._run.begin(request, None)
        about = f"{job.repository.lower()}#{job.comment_id}"
        command = replace(begun, id=str(uuid.uuid5(_NAMESPACE, about)))
        await self._commands.save(command)
        claimed = await self._commands.claim(command.id, self._run.lease)
        if claimed is not None:
            await self._begun(job, address, marker)
            try:
                return _told(await self._run.run(claimed))
            except KovaError as exc:
                ended = await self._commands.get(command.id)
                if ended is None or not ended.outcome.final:
                    raise
                return f"I could not answer: {exc.message}"
        known = await self._commands.get(command.id)
        if known is None or known.answer is None:
            return f"I could not answer: {known.detail if known else 'it is gone'}"
        return _told(known)

    async def _begun(self, job: CommentJob, address: RepositoryRef, marker: str) -> None:
        """Say that an answer is being made; one that is made is told all the same without."""
        try:
            await self._conversation.reply(address, job.number, marker, _WORKING)
        except UnavailableError as exc:
            _LOG.warning("beginning not told", extra={"reason": exc.reason})


def _request(job: CommentJob) -> CommandRequest | None:
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


def _told(command: Command) -> str:
    answer = command.answer
    assert answer is not None
    parts = [answer.output]
    parts += [
        f"- **{one.severity}** `{one.path}:{one.start_line}` {one.message}"
        for one in answer.findings
    ]
    if answer.citations:
        places = [f"`{one.path}:{one.start_line}-{one.end_line}`" for one in answer.citations]
        parts.append("Based on " + ", ".join(places) + ".")
    return "\n\n".join(parts)
