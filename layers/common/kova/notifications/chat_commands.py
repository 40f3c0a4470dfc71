"""The commands of a chat: `/kova scan|status|ask|fix|ignore`, and questions in mentions."""

from __future__ import annotations

import html
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from kova.access.api_key import Scope
from kova.commands.chat import ChatJob, ChatKind, ChatVerb, parse_verb, split_repository
from kova.commands.command import Command, CommandRequest
from kova.errors.ignoring import HOW, parse_ignore, reply_of
from kova.notifications.notice import NoticeKind
from kova.notifications.press_button import FORBIDDEN
from kova.notifications.route_notices import SLACK_PREFIX
from kova.shared.exceptions import ForbiddenError, InvalidInputError, KovaError, NotFoundError
from kova.shared.page import PageRequest

if TYPE_CHECKING:
    from kova.access.subject import Subject
    from kova.commands.ports import CommandStore
    from kova.commands.run_command import RunCommand
    from kova.errors.ignore_errors import IgnoreErrors
    from kova.notifications.ports import NoticeStore
    from kova.scans.ports import Stores
    from kova.scans.request_scan import RequestScan
    from kova.shared.repository import Repository

_NAMESPACE: Final = uuid.UUID("1c1b5b0f-3c5c-4a6e-8c53-0b7a3b0d7a11")
_NEEDED: Final = {
    ChatVerb.STATUS: Scope.READ,
    ChatVerb.SCAN: Scope.SCAN,
    ChatVerb.FIX: Scope.SCAN,
    ChatVerb.IGNORE: Scope.SCAN,
    ChatVerb.ASK: Scope.AI,
}

_NAME_IT: Final = "Name a repository behind the command: OWNER/NAME."


class ChatCommands:
    """Does what a command asks for and returns what to say."""

    def __init__(
        self,
        *,
        stores: Stores,
        notices: NoticeStore,
        scan: Callable[[], RequestScan],
        ignore: IgnoreErrors,
        run: Callable[[], RunCommand],
        commands: CommandStore,
    ) -> None:
        """`scan` and `run` are called at the first use, for they need GitHub and models."""
        self._stores = stores
        self._notices = notices
        self._scan = scan
        self._ignore = ignore
        self._run = run
        self._commands = commands

    async def answer(self, job: ChatJob, subject: Subject) -> str:
        """Return the answer. A second call with the same job does nothing twice.

        Raises:
            ForbiddenError: the person may not.
            InvalidInputError: the command names too little.
            NotFoundError: there is no such repository.
            UnavailableError: try again later.
        """
        verb, argument = parse_verb(job.text)
        if job.kind is ChatKind.MENTION and verb is ChatVerb.HELP:
            verb, argument = ChatVerb.ASK, job.text
        if _NEEDED.get(verb, Scope.READ) not in subject.scopes:
            raise ForbiddenError(FORBIDDEN)
        name, rest = split_repository(argument)
        if verb is ChatVerb.ASK:
            return await self._ask(job, subject, name, rest)
        if name is None and rest and verb in {ChatVerb.SCAN, ChatVerb.FIX}:
            # A name with a slip in it must not mean another repository.
            raise InvalidInputError(_NAME_IT)
        repository = await self._repository(name, subject)
        match verb:
            case ChatVerb.SCAN | ChatVerb.FIX:
                return await self._request_scan(job, repository, subject, fix=verb is ChatVerb.FIX)
            case ChatVerb.IGNORE:
                return await self._ignore_rule(rest, repository, subject)
            case _:
                return await self._status(repository, subject)

    async def _repository(self, name: str | None, subject: Subject) -> Repository:
        """Return the repository that is named, or the only one that there is."""
        if name is None:
            page = await self._stores.repositories.page(PageRequest(limit=2), subject.reach)
            if len(page.items) != 1:
                raise InvalidInputError(_NAME_IT)
            return page.items[0]
        repository = await self._stores.repositories.get(name, subject.reach)
        if repository is None:
            raise NotFoundError("I do not watch a repository of this name.")
        return repository

    async def _request_scan(
        self, job: ChatJob, repository: Repository, subject: Subject, *, fix: bool
    ) -> str:
        scan = await self._scan().request(
            repository.full_name,
            None,
            full=False,
            fix=fix,
            scan_id=str(_id_of(job)),
            reach=subject.reach,
        )
        ending = " Its proved fixes will be offered." if fix else ""
        return f"A scan of {repository.full_name} is queued: {scan.id}.{ending}"

    async def _ignore_rule(self, text: str, repository: Repository, subject: Subject) -> str:
        request = parse_ignore(text)
        if request is None:
            return HOW
        result = await self._ignore.ignore(
            repository.full_name, request, paths=None, actor=subject.actor
        )
        return reply_of(request, result, pull_request=False)

    async def _status(self, repository: Repository, subject: Subject) -> str:
        counts = ", ".join(
            f"{number} {severity}" for severity, number in repository.open_errors.items()
        )
        scans = await self._stores.scans.page(
            PageRequest(limit=1), repository.full_name, subject.reach
        )
        last = "There was no scan yet."
        if scans.items:
            scan = scans.items[0]
            commit = f" of commit {scan.commit_sha[:12]}" if scan.commit_sha else ""
            last = f"The last scan{commit}: {scan.status}."
        return f"Open errors in {repository.full_name}: {counts}. {last}"

    async def _ask(self, job: ChatJob, subject: Subject, name: str | None, question: str) -> str:
        if not question:
            raise InvalidInputError("Ask me something behind the command.")
        error_id, repository = await self._thread_error(job, subject)
        if name is not None:
            repository = name
        if repository is not None:
            repository = (await self._repository(repository, subject)).full_name
        request = CommandRequest(command=question, repository=repository, error_id=error_id)
        run = self._run()
        command = replace(run.begin(request, subject), id=str(_id_of(job)))
        await self._commands.save(command)
        claimed = await self._commands.claim(command.id, run.lease)
        if claimed is not None:
            try:
                return _render(await run.run_command(claimed))
            except KovaError as exc:
                failed = await self._commands.get(command.id)
                if failed is None or not failed.outcome.is_final:
                    raise
                return f"I could not answer: {exc.message}"
        earlier = await self._commands.get(command.id)
        if earlier is None or earlier.answer is None:
            return "I could not answer."
        return _render(earlier)

    async def _thread_error(self, job: ChatJob, subject: Subject) -> tuple[str | None, str | None]:
        """Return the error that the thread of a mention is about, and its repository."""
        if job.kind is not ChatKind.MENTION or not job.thread:
            return None, None
        for notice in await self._notices.notices_of(SLACK_PREFIX + job.channel, job.thread):
            if notice.kind is NoticeKind.ERROR_OPENED:
                return notice.subject, notice.repository
            if notice.kind is NoticeKind.FIX_READY:
                fix = await self._stores.fixes.get(notice.subject, subject.reach)
                return (fix.error_id if fix else None), notice.repository
        return None, None


def _id_of(job: ChatJob) -> uuid.UUID:
    return uuid.uuid5(_NAMESPACE, job.id)


def _render(command: Command) -> str:
    answer = command.answer
    assert answer is not None
    # It was made safe for Markdown and HTML; a chat shows plain text.
    parts = [html.unescape(answer.output)]
    parts += [
        f"{finding.severity} {finding.path}:{finding.start_line} {finding.message}"
        for finding in answer.findings
    ]
    if answer.citations:
        places = [
            f"{citation.path}:{citation.start_line}-{citation.end_line}"
            for citation in answer.citations
        ]
        parts.append("Based on " + ", ".join(places) + ".")
    return "\n\n".join(parts)
