"""Gather what a command is about: code, an error, a file, a pull request, finds of the index."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from kova.analysis.finding import Finding
from kova.analysis.source_text import SourceText
from kova.code_index.ports import CodeIndex
from kova.commands.command import CommandRequest
from kova.commands.read_files import ReadFiles
from kova.errors.error import ErrorRecord, ErrorStatus
from kova.errors.ports import ErrorFilter, ErrorStore
from kova.models.prompt import Material
from kova.models.redaction import redact
from kova.shared.code_source import CodeSource, PullRequest
from kova.shared.exceptions import ConflictError, KovaError, NotFoundError
from kova.shared.page import PageRequest
from kova.shared.ports import RepositoryStore
from kova.shared.repository import Repository, RepositoryRef

_LOG = logging.getLogger("kova.ai")
_AROUND: Final = 60
_AROUND_CHANGE: Final = 8
_CHUNKS: Final = 8
_FILES_OF_A_REVIEW: Final = 40


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a model is shown, and what the analysers know of it already."""

    materials: tuple[Material, ...] = ()
    reported: tuple[Finding, ...] = ()
    repository: str | None = None


class GatherContext:
    """Every text is without secrets before it goes anywhere, and keeps its line numbers."""

    def __init__(
        self,
        *,
        repositories: RepositoryStore,
        errors: ErrorStore,
        source: Callable[[], CodeSource],
        index: CodeIndex | None,
        secrets: Sequence[str],
    ) -> None:
        """Take the stores, how to get at GitHub, the index, and what is secret here."""
        self._repositories = repositories
        self._errors = errors
        self._source = source
        self._index = index
        self._secrets = secrets

    async def run(self, request: CommandRequest) -> Context:
        """Return the context, the most particular first.

        Raises:
            NotFoundError: the error, the repository, the file or the pull request is not there.
            ConflictError: fields contradict each other.
            UnavailableError: GitHub or the database does not answer.
        """
        materials: list[Material] = []
        reported: tuple[Finding, ...] = ()
        if request.code is not None:
            materials.append(
                self.material(
                    "code", request.path or "code", SourceText(text=request.code, bom=False).lines
                )
            )
        error = await self._error(request)
        name = error.repository if error else request.repository
        known = await self._repositories.get(name) if name else None
        if error is not None:
            materials += await self._of_error(error, known)
        if request.pull_request is not None:
            more, reported = await self._of_pull_request(request, known)
            materials += more
        elif request.path is not None and request.code is None and error is None:
            materials.append(await self._file(request, known))
        if known is not None and self._index is not None and request.pull_request is None:
            materials += await self._related(self._index, known, request, materials)
        elif known is None and request.repository is not None and not materials:
            await self._source().repository(RepositoryRef(full_name=request.repository))
        return Context(materials=tuple(materials), reported=reported, repository=name)

    def material(self, kind: str, name: str, lines: Sequence[str], start: int = 1) -> Material:
        """Return lines as material, without secrets."""
        text = redact("\n".join(lines), self._secrets)
        return Material(kind=kind, name=name, lines=tuple(text.split("\n")), start_line=start)

    async def _error(self, request: CommandRequest) -> ErrorRecord | None:
        if request.error_id is None:
            return None
        error = await self._errors.get(request.error_id)
        if error is None:
            raise NotFoundError("There is no such error.")
        other = request.repository
        if other is not None and other.lower() != error.repository.lower():
            raise ConflictError("The error is one of another repository.")
        return error

    async def _of_error(self, error: ErrorRecord, known: Repository | None) -> list[Material]:
        finding = error.finding
        told = [
            f"{finding.analyzer} {finding.rule_id} ({finding.severity}): {finding.message}",
            f"at {finding.path}, lines {finding.span.start_line} to {finding.span.end_line}",
        ]
        note = self.material("note", "the error in question", told)
        first = finding.span.start_line
        snippet = self.material("file", finding.path, finding.snippet.split("\n"), first)
        if known is None:
            return [note, snippet]
        try:
            reader = ReadFiles(self._source())
            lines = await reader.one(known.ref, known.default_branch, finding.path)
        except KovaError as exc:
            # GitHub is not needed for an answer: the scan kept the lines that matter.
            _LOG.warning("file of an error not read", extra={"reason": exc.reason})
            return [note, snippet]
        start = max(first - _AROUND, 1)
        around = lines[start - 1 : finding.span.end_line + _AROUND]
        return [note, self.material("file", finding.path, around, start) if around else snippet]

    async def _file(self, request: CommandRequest, known: Repository | None) -> Material:
        assert request.path is not None
        if request.repository is None:
            raise ConflictError("A path needs its repository, or its code.")
        address, branch = await self._address(request.repository, known)
        reader = ReadFiles(self._source())
        lines = await reader.one(address, request.ref or branch, request.path)
        return self.material("file", request.path, lines)

    async def _address(self, name: str, known: Repository | None) -> tuple[RepositoryRef, str]:
        if known is not None:
            return known.ref, known.default_branch
        info = await self._source().repository(RepositoryRef(full_name=name))
        address = RepositoryRef(full_name=info.full_name, installation_id=info.installation_id)
        return address, info.default_branch

    async def _of_pull_request(
        self, request: CommandRequest, known: Repository | None
    ) -> tuple[list[Material], tuple[Finding, ...]]:
        assert request.pull_request is not None
        if request.repository is None:
            raise ConflictError("A pull request needs its repository.")
        address, _ = await self._address(request.repository, known)
        source = self._source()
        pull = await source.pull_request(address, request.pull_request)
        compared = await source.compare(address, pull.base_sha, pull.head_sha)
        paths = sorted(compared.changed)[:_FILES_OF_A_REVIEW]
        reader = ReadFiles(source)
        after = await reader.run(address, pull.head_sha, paths)
        old = {path: compared.renamed.get(path, path) for path in paths}
        before = await reader.run(address, compared.merge_base_sha, sorted(set(old.values())))
        reported = await self._reported(request.repository, set(paths)) if known else ()
        materials = [self.material("note", "the pull request", _description(pull))]
        if reported:
            lines = [f"{one.path}:{one.span.start_line} {one.message}" for one in reported[:50]]
            materials.append(self.material("note", "already reported by analysers", lines))
        for path in paths:
            if path in after:
                materials += self._changes(path, before.get(old[path], ()), after[path])
        return materials, reported

    def _changes(self, path: str, before: Sequence[str], after: Sequence[str]) -> list[Material]:
        """Return the hunks of a file, with the numbers of its new lines."""
        matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
        clean = self.material("file", path, after).lines
        materials: list[Material] = []
        for group in matcher.get_grouped_opcodes(_AROUND_CHANGE):
            first, last = group[0][3], group[-1][4]
            changed = {
                number + 1
                for tag, _, _, start, end in group
                if tag in {"insert", "replace"}
                for number in range(start, end)
            }
            if changed:
                materials.append(
                    Material(
                        kind="change",
                        name=path,
                        lines=clean[first:last],
                        start_line=first + 1,
                        changed=frozenset(changed),
                    )
                )
        return materials

    async def _reported(self, repository: str, paths: set[str]) -> tuple[Finding, ...]:
        found: list[Finding] = []
        for path in sorted(paths):
            filters = ErrorFilter(repository=repository, status=ErrorStatus.OPEN, path=path)
            page = await self._errors.page(PageRequest(limit=100), filters)
            found += [one.finding for one in page.items]
        return tuple(found)

    async def _related(
        self,
        index: CodeIndex,
        known: Repository,
        request: CommandRequest,
        materials: Sequence[Material],
    ) -> list[Material]:
        """Return chunks of the index; it is a help, and its failure no reason not to answer."""
        try:
            found = await index.search(known.id, request.command, _CHUNKS)
        except KovaError as exc:
            _LOG.warning("index not searched", extra={"reason": exc.reason})
            return []
        shown = {one.name for one in materials if one.kind == "file"}
        return [
            self.material("file", one.path, one.text.split("\n"), one.start_line)
            for one in found
            if one.path not in shown
        ]


def _description(pull: PullRequest) -> list[str]:
    return [f"Title: {pull.title[:300]}", *pull.body[:4_000].splitlines()]
