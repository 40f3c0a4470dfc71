"""Analyse a commit: what was analysed before comes from the cache, the rest is fetched."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kova.analysis.analysis import Analysis, AnalyzerCoverage, join_coverage, split_suppressed
from kova.analysis.finding import Finding, Span
from kova.analysis.finding_cache import FindingCache
from kova.analysis.repository_settings import KovaTomlSettings
from kova.analysis.run_analyzers import AnalyzeTree
from kova.analysis.select_files import select_files
from kova.shared.code_source import CodeSource, FetchLimits, Tree, TreeFile
from kova.shared.repository import RepositoryRef
from kova.shared.skipped import Skipped


@dataclass(frozen=True, kw_only=True)
class CommitRequest:
    """What to analyse.

    Attributes:
        repository_ref: the repository for GitHub.
        repository_id: the repository for the stores.
        commit_sha: the commit.
        tree: the commit's listing; None where it is still to be fetched.
        only: these paths; None means all.
        full: analyse also what was analysed before.
        settings: what the repository's own file says.
    """

    repository_ref: RepositoryRef
    repository_id: str
    commit_sha: str
    tree: Tree | None = None
    only: frozenset[str] | None = None
    full: bool = False
    settings: KovaTomlSettings = field(default_factory=KovaTomlSettings)


@dataclass(frozen=True, kw_only=True)
class CommitAnalysis(Analysis):
    """The analysis of a commit.

    Attributes:
        request: what it was made from.
        tree_files: the files that were chosen for the analysers.
        fetched_paths: the files that are below the folder.
    """

    request: CommitRequest
    tree_files: tuple[TreeFile, ...] = ()
    fetched_paths: frozenset[str] = frozenset()


class AnalyzeCommit:
    """Analyses commits on GitHub, with what is cached of earlier analyses."""

    def __init__(
        self,
        *,
        source: CodeSource,
        analyzers: AnalyzeTree,
        limits: FetchLimits,
        cache: FindingCache,
    ) -> None:
        self._source = source
        self._analyzers = analyzers
        self._limits = limits
        self._cache = cache

    async def list_tree(self, repository_ref: RepositoryRef, commit_sha: str) -> Tree:
        """Return the commit's listing."""
        return await self._source.tree(repository_ref, commit_sha)

    async def analyze(self, request: CommitRequest, folder: Path) -> CommitAnalysis:
        """Analyse a commit's files. Those that had to be fetched are below the folder then."""
        tree = request.tree or await self.list_tree(request.repository_ref, request.commit_sha)
        # In a thread, and once: an analyser may have to ask its program what it is.
        await asyncio.to_thread(lambda: self._analyzers.identities)
        requested = [
            file for file in tree.files if request.only is None or file.path in request.only
        ]
        included = [file for file in requested if request.settings.reads(file.path)]
        files, skipped = select_files(included, self._analyzers.handles, self._limits)
        skipped += self._skipped_entries(tree, request.only)
        cached = Analysis()
        if not request.full:
            cached = await self._cache.load(request.repository_id, files)
        programs, program_findings = await self._load_programs(request, files)
        missing = [file for file in files if file.path not in cached.cached]
        fetched, fetched_paths = await self._fetch_and_analyze(request, folder, missing, programs)
        findings = (*fetched.findings, *fetched.suppressed, *program_findings)
        findings += (*cached.findings, *cached.suppressed)
        reported, suppressed = split_suppressed(
            sorted(request.settings.suppress(findings), key=_place)
        )
        left_out = {*skipped, *fetched.skipped, *cached.skipped}
        coverage = join_coverage(fetched.coverage, cached.coverage)
        if self._analyzers.programs and not programs:
            coverage = join_coverage(coverage, self._program_coverage(files))
        return CommitAnalysis(
            request=request,
            findings=reported,
            suppressed=suppressed,
            skipped=tuple(sorted(left_out)),
            files=len(files) + len({skip.path for skip in skipped}),
            analyzed=frozenset(file.path for file in files) - {skip.path for skip in left_out},
            incomplete=fetched.incomplete,
            cached=cached.cached,
            excluded=_paths(requested) - _paths(included),
            coverage=_with_settings(request.settings, coverage),
            blobs={file.path: file.sha for file in tree.files},
            listed=_all_paths(tree),
            tree_files=tuple(files),
            fetched_paths=fetched_paths,
        )

    async def _fetch_and_analyze(
        self,
        request: CommitRequest,
        folder: Path,
        files: Sequence[TreeFile],
        programs: Sequence[TreeFile],
    ) -> tuple[Analysis, frozenset[str]]:
        """Return the analysis of files that are not cached, and the paths that were fetched.

        Args:
            request: whose commit they are of.
            folder: where the files are written.
            files: for the analysers that judge each file by itself.
            programs: for those that judge a whole program.
        """
        to_fetch = {file.path: file for file in (*files, *programs)}
        absent = await self._source.download(
            request.repository_ref,
            request.commit_sha,
            list(to_fetch.values()),
            folder,
            self._limits,
        )
        fetched_paths = frozenset(to_fetch) - {skip.path for skip in absent}
        fetched = [file for file in files if file.path in fetched_paths]
        analysis = await asyncio.to_thread(
            self._analyzers.analyze,
            folder,
            [file.path for file in fetched],
            absent,
            programs=[file.path for file in programs if file.path in fetched_paths],
        )
        await self._cache.store(request.repository_id, fetched, analysis)
        if programs and not absent:
            await self._cache.store_program(request.repository_id, programs, analysis)
        return analysis, fetched_paths

    def _skipped_entries(self, tree: Tree, only: frozenset[str] | None) -> list[Skipped]:
        """Return what the tree has beside regular files, and that it is not whole if it is not."""
        skipped = [
            skip
            for skip in tree.skipped
            if self._analyzers.handles(skip.path) and (only is None or skip.path in only)
        ]
        return skipped if tree.complete else [*skipped, Skipped(path="", reason="tree_incomplete")]

    async def _load_programs(
        self, request: CommitRequest, files: Sequence[TreeFile]
    ) -> tuple[list[TreeFile], tuple[Finding, ...]]:
        """Return the files that whole-program analysers have to read, or their cached findings.

        A finding in one file depends on all of them: it is cached for the whole program only.
        """
        programs = [file for file in files if self._analyzers.readers(file.path, programs=True)]
        if not programs or request.only is not None:
            return [], ()
        if request.full:
            return programs, ()
        findings = await self._cache.load_program(request.repository_id, programs)
        return (programs, ()) if findings is None else ([], findings)

    def _program_coverage(self, files: Sequence[TreeFile]) -> tuple[AnalyzerCoverage, ...]:
        """Return what whole-program analysers read when their findings come from the cache."""
        paths: dict[str, set[str]] = defaultdict(set)
        for file in files:
            for name in self._analyzers.readers(file.path, programs=True):
                paths[name].add(file.path)
        return self._analyzers.coverage_of(paths)


def _place(finding: Finding) -> tuple[str, Span, str]:
    return (finding.path, finding.span, finding.rule_id)


def _paths(files: Iterable[TreeFile]) -> frozenset[str]:
    return frozenset(file.path for file in files)


def _with_settings(
    settings: KovaTomlSettings, coverage: tuple[AnalyzerCoverage, ...]
) -> tuple[AnalyzerCoverage, ...]:
    """Return the coverage with identities that say by which settings findings were chosen."""
    if not settings.present or settings.problems:
        return coverage
    return tuple(replace(part, identity=f"{part.identity} {settings.digest}") for part in coverage)


def _all_paths(tree: Tree) -> frozenset[str] | None:
    """Return every path of the tree, or None where the listing is not whole."""
    if not tree.complete:
        return None
    return _paths(tree.files) | {skip.path for skip in tree.skipped}
