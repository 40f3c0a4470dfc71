"""Gather what a command is about: code, an error, a file, a pull request, chunks of the index."""

from __future__ import annotations

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
from kova.shared.allowed_owner import require_allowed_owner
from kova.shared.code_source import CodeSource, PullRequest
from kova.shared.exceptions import (
    ConflictError,
    KovaError,
    NotFoundError,
    OwnerNotAllowedError,
    RepositoryNotFoundError,
)
from kova.shared.line_diff import LineDiff
from kova.shared.owners import EVERY_OWNER, Owners
from kova.shared.page import PageRequest
from kova.shared.ports import RepositoryStore
from kova.shared.reach import Reach
from kova.shared.repository import Repository, RepositoryInfo, RepositoryRef

_LOG = logging.getLogger("kova.ai")
_AROUND: Final = 60
_AROUND_CHANGE: Final = 8
_CHUNKS: Final = 8
_FILES_OF_A_REVIEW: Final = 40


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a model is shown, and the open findings in the files of a pull request."""

    materials: tuple[Material, ...] = ()
    reported: tuple[Finding, ...] = ()
    repository: str | None = None


class GatherContext:
    """Gathers materials. Secrets are redacted at once; line numbers stay as they are."""

    def __init__(
        self,
        *,
        repositories: RepositoryStore,
        errors: ErrorStore,
        source: Callable[[], CodeSource],
        index: CodeIndex | None,
        secrets: Sequence[str],
        owners: Owners = EVERY_OWNER,
    ) -> None:
        """Assemble the use case; `source` is called at the first file, for it needs GitHub."""
        self._repositories = repositories
        self._errors = errors
        self._source = source
        self._index = index
        self._secrets = secrets
        self._owners = owners

    async def gather(self, request: CommandRequest, reach: Reach) -> Context:
        """Return the context of a request, the most specific material first.

        Raises:
            NotFoundError: the error, repository, file or pull request does not exist, or is
                outside of the reach.
            OwnerNotAllowedError: Kova does not work for the repository's owner.
            ConflictError: fields contradict each other.
            UnavailableError: GitHub or the database does not answer.
        """
        if request.repository is not None:
            self._check(request.repository, reach)
        materials: list[Material] = []
        reported: tuple[Finding, ...] = ()
        if request.code is not None:
            materials.append(
                self.material(
                    "code", request.path or "code", SourceText(text=request.code, bom=False).lines
                )
            )
        error = await self._find_error(request, reach)
        full_name = error.repository if error else request.repository
        if full_name is not None:
            self._check(full_name, reach)
        repository = await self._repositories.get(full_name, reach) if full_name else None
        if repository is not None:
            await require_allowed_owner(self._owners, self._source, repository.ref)
        if error is not None:
            materials += await self._error_materials(error, repository, reach)
        if request.pull_request is not None:
            changes, reported = await self._pull_request_materials(request, repository, reach)
            materials += changes
        elif request.path is not None and request.code is None and error is None:
            materials.append(await self._file_material(request, repository, reach))
        if repository is not None and self._index is not None and request.pull_request is None:
            materials += await self._search_index(self._index, repository, request, materials)
        elif repository is None and request.repository is not None and not materials:
            await self._describe(request.repository, reach)
        return Context(materials=tuple(materials), reported=reported, repository=full_name)

    def material(self, kind: str, name: str, lines: Sequence[str], start: int = 1) -> Material:
        """Return lines as material, with secrets redacted."""
        text = redact("\n".join(lines), self._secrets)
        return Material(kind=kind, name=name, lines=tuple(text.split("\n")), start_line=start)

    async def _find_error(self, request: CommandRequest, reach: Reach) -> ErrorRecord | None:
        if request.error_id is None:
            return None
        error = await self._errors.get(request.error_id, reach)
        if error is None:
            raise NotFoundError("There is no such error.")
        full_name = request.repository
        if full_name is not None and full_name.lower() != error.repository.lower():
            raise ConflictError("The error belongs to another repository.")
        return error

    async def _error_materials(
        self, error: ErrorRecord, repository: Repository | None, reach: Reach
    ) -> list[Material]:
        finding = error.finding
        facts = [
            f"{finding.analyzer} {finding.rule_id} ({finding.severity}): {finding.message}",
            f"at {finding.path}, lines {finding.span.start_line} to {finding.span.end_line}",
        ]
        note = self.material("note", "the error in question", facts)
        first = finding.span.start_line
        snippet = self.material("file", finding.path, finding.snippet.split("\n"), first)
        if repository is None:
            return [note, snippet]
        try:
            repository_ref, branch = await self._locate(error.repository, repository, reach)
            reader = ReadFiles(self._source())
            lines = await reader.read_one(repository_ref, branch, finding.path)
        except KovaError as exc:
            # An answer is possible without GitHub: the scan stored the lines of the finding.
            _LOG.warning("file of an error not read", extra={"reason": exc.reason})
            return [note, snippet]
        start = max(first - _AROUND, 1)
        around = lines[start - 1 : finding.span.end_line + _AROUND]
        return [note, self.material("file", finding.path, around, start) if around else snippet]

    async def _file_material(
        self, request: CommandRequest, repository: Repository | None, reach: Reach
    ) -> Material:
        assert request.path is not None
        if request.repository is None:
            raise ConflictError("A path needs its repository, or its code.")
        repository_ref, branch = await self._locate(request.repository, repository, reach)
        reader = ReadFiles(self._source())
        lines = await reader.read_one(repository_ref, request.ref or branch, request.path)
        return self.material("file", request.path, lines)

    async def _locate(
        self, full_name: str, repository: Repository | None, reach: Reach
    ) -> tuple[RepositoryRef, str]:
        """Return how to address a repository, and its default branch.

        A renamed repository answers to its old name, too: whoever reaches some names only is not
        shown what GitHub has under another one by now.
        """
        if repository is not None and reach.is_everything:
            return repository.ref, repository.default_branch
        info = await self._describe(full_name, reach)
        repository_ref = RepositoryRef(
            full_name=info.full_name, installation_id=info.installation_id
        )
        return repository_ref, info.default_branch

    async def _describe(self, full_name: str, reach: Reach) -> RepositoryInfo:
        """Return what GitHub says of a repository: it may know it by a newer name."""
        info = await self._source().repository(RepositoryRef(full_name=full_name))
        self._check(info.full_name, reach)
        return info

    def _check(self, full_name: str, reach: Reach) -> None:
        if not reach.covers(full_name):
            raise RepositoryNotFoundError
        if not self._owners.allow(full_name):
            raise OwnerNotAllowedError

    async def _pull_request_materials(
        self, request: CommandRequest, repository: Repository | None, reach: Reach
    ) -> tuple[list[Material], tuple[Finding, ...]]:
        assert request.pull_request is not None
        if request.repository is None:
            raise ConflictError("A pull request needs its repository.")
        repository_ref, _ = await self._locate(request.repository, repository, reach)
        source = self._source()
        pull = await source.pull_request(repository_ref, request.pull_request)
        comparison = await source.compare(repository_ref, pull.base_sha, pull.head_sha)
        paths = sorted(comparison.changed)[:_FILES_OF_A_REVIEW]
        reader = ReadFiles(source)
        after = await reader.read(repository_ref, pull.head_sha, paths)
        old = {path: comparison.renamed.get(path, path) for path in paths}
        before = await reader.read(
            repository_ref, comparison.merge_base_sha, sorted(set(old.values()))
        )
        reported = await self._open_findings(request.repository, paths, reach) if repository else ()
        materials = [self.material("note", "the pull request", _description(pull))]
        if reported:
            lines = [
                f"{finding.path}:{finding.span.start_line} {finding.message}"
                for finding in reported[:50]
            ]
            materials.append(self.material("note", "already reported by analysers", lines))
        for path in paths:
            if path in after:
                materials += self._hunks(path, before.get(old[path], ()), after[path])
        return materials, reported

    def _hunks(self, path: str, before: Sequence[str], after: Sequence[str]) -> list[Material]:
        """Return the changed hunks of a file as material, numbered by its new lines."""
        matcher = LineDiff(before, after)
        redacted = self.material("file", path, after).lines
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
                        lines=redacted[first:last],
                        start_line=first + 1,
                        changed=frozenset(changed),
                    )
                )
        return materials

    async def _open_findings(
        self, full_name: str, paths: Sequence[str], reach: Reach
    ) -> tuple[Finding, ...]:
        findings: list[Finding] = []
        for path in paths:
            filters = ErrorFilter(repository=full_name, status=ErrorStatus.OPEN, path=path)
            page = await self._errors.page(PageRequest(limit=100), filters, reach)
            findings += [record.finding for record in page.items]
        return tuple(findings)

    async def _search_index(
        self,
        index: CodeIndex,
        repository: Repository,
        request: CommandRequest,
        materials: Sequence[Material],
    ) -> list[Material]:
        """Return chunks of the index; empty if it fails, for an answer is possible without."""
        try:
            chunks = await index.search(repository.id, request.command, _CHUNKS)
        except KovaError as exc:
            _LOG.warning("index not searched", extra={"reason": exc.reason})
            return []
        shown_paths = {material.name for material in materials if material.kind == "file"}
        return [
            self.material("file", chunk.path, chunk.text.split("\n"), chunk.start_line)
            for chunk in chunks
            if chunk.path not in shown_paths
        ]


def _description(pull: PullRequest) -> list[str]:
    return [f"Title: {pull.title[:300]}", *pull.body[:4_000].splitlines()]
