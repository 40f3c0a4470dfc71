"""Analyse a commit: what was analysed before comes from the cache, the rest is fetched."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kova.analysis.analysis import Analysis, AnalyzerCoverage
from kova.analysis.finding import Finding
from kova.analysis.finding_cache import FindingCache
from kova.analysis.finding_codec import KnownFile
from kova.analysis.repository_settings import RepositorySettings
from kova.analysis.run_analyzers import AnalyzeTree, TreeRun
from kova.analysis.select_files import select
from kova.shared.code_source import CodeSource, FetchLimits, Tree, TreeFile
from kova.shared.repository import RepositoryRef
from kova.shared.skipped import Skipped


@dataclass(frozen=True, kw_only=True)
class CommitRequest:
    """What to analyse.

    Attributes:
        repository: how GitHub knows it.
        repository_id: how the stores know it.
        commit_sha: the commit.
        only: these paths; None means all.
        full: analyse also what was analysed before.
        settings: what the repository's own file says.
    """

    repository: RepositoryRef
    repository_id: str
    commit_sha: str
    only: frozenset[str] | None = None
    full: bool = False
    settings: RepositorySettings = field(default_factory=RepositorySettings)


@dataclass(frozen=True, kw_only=True)
class AnalyzedCommit:
    """The analysis, its files, and those that are in the folder."""

    analysis: Analysis
    files: tuple[TreeFile, ...]
    fetched: frozenset[str]


class AnalyzeCommit:
    """The way from a commit id to an analysis."""

    def __init__(
        self,
        *,
        source: CodeSource,
        analyze: AnalyzeTree,
        limits: FetchLimits,
        findings: FindingCache,
    ) -> None:
        """Take GitHub, the analysers, what a fetch may cost, and what is known already."""
        self._source = source
        self._analyze = analyze
        self._limits = limits
        self._findings = findings

    async def tree(self, repository: RepositoryRef, commit_sha: str) -> Tree:
        """List the commit."""
        return await self._source.tree(repository, commit_sha)

    async def run(
        self, request: CommitRequest, folder: Path, tree: Tree | None = None
    ) -> AnalyzedCommit:
        """Analyse a commit's files; those that had to be fetched are below the folder then."""
        tree = tree or await self.tree(request.repository, request.commit_sha)
        await asyncio.to_thread(lambda: self._analyze.identities)
        mine = [file for file in tree.files if request.only is None or file.path in request.only]
        chosen = [file for file in mine if request.settings.reads(file.path)]
        wanted, skipped = select(chosen, self._analyze.handles, self._limits)
        skipped += self._not_files(tree, request.only)
        known: Mapping[str, KnownFile] = {}
        if not request.full:
            known = await self._findings.load(request.repository_id, wanted)
        programs, program_findings = await self._programs(request, wanted)
        missing = [file for file in wanted if file.path not in known]
        fetch = {file.path: file for file in (*missing, *programs)}
        absent = await self._source.download(
            request.repository, request.commit_sha, list(fetch.values()), folder, self._limits
        )
        gone = {one.path for one in absent}
        there = [file for file in missing if file.path not in gone]
        ran = await asyncio.to_thread(
            self._analyze.files,
            folder,
            [file.path for file in there],
            programs=[file.path for file in programs if file.path not in gone],
        )
        await self._findings.store(request.repository_id, there, ran)
        if programs and not gone:
            await self._findings.store_program(request.repository_id, programs, ran)
        findings = [*ran.findings, *program_findings]
        findings += [one for file in known.values() for one in file.findings]
        left_out = {*skipped, *absent, *ran.skipped}
        left_out |= {one for file in known.values() for one in file.skipped}
        analysis = Analysis(
            **_told(request.settings.marked(findings)),
            skipped=tuple(sorted(left_out)),
            files=len(wanted) + len({one.path for one in skipped}),
            analyzed=frozenset(file.path for file in wanted) - {one.path for one in left_out},
            incomplete=ran.incomplete,
            cached=frozenset(known),
            excluded=frozenset(file.path for file in mine) - {file.path for file in chosen},
            coverage=_under(
                request.settings,
                self._analyze.coverage(self._covered(ran, known, wanted, programs)),
            ),
            blobs={file.path: file.sha for file in tree.files},
            listed=_listed(tree),
        )
        return AnalyzedCommit(
            analysis=analysis,
            files=tuple(wanted),
            fetched=frozenset(fetch) - gone,
        )

    def _not_files(self, tree: Tree, only: frozenset[str] | None) -> list[Skipped]:
        told = [
            one
            for one in tree.skipped
            if self._analyze.handles(one.path) and (only is None or one.path in only)
        ]
        return told if tree.complete else [*told, Skipped(path="", reason="tree_incomplete")]

    async def _programs(
        self, request: CommitRequest, wanted: Sequence[TreeFile]
    ) -> tuple[list[TreeFile], tuple[Finding, ...]]:
        """Return the files that whole-program analysers need, or what they said before.

        Their answer about one file depends on all: it is kept for the whole program only.
        """
        files = [file for file in wanted if self._analyze.readers(file.path, programs=True)]
        if not files or request.only is not None:
            return [], ()
        if request.full:
            return files, ()
        known = await self._findings.load_program(request.repository_id, files)
        return (files, ()) if known is None else ([], known)

    def _covered(
        self,
        ran: TreeRun,
        known: Mapping[str, KnownFile],
        wanted: Sequence[TreeFile],
        programs: Sequence[TreeFile],
    ) -> dict[str, frozenset[str]]:
        covered: dict[str, set[str]] = defaultdict(set)
        for name, paths in ran.covered.items():
            covered[name] |= paths
        for path, one in known.items():
            for name in self._analyze.readers(path) - one.unread:
                covered[name].add(path)
        if self._analyze.programs and not programs:
            for file in wanted:
                for name in self._analyze.readers(file.path, programs=True):
                    covered[name].add(file.path)
        return {name: frozenset(paths) for name, paths in covered.items()}


def _told(findings: Iterable[Finding]) -> dict[str, tuple[Finding, ...]]:
    chosen = sorted(findings, key=lambda one: (one.path, one.span, one.rule_id))
    return {
        "findings": tuple(one for one in chosen if one.suppressed is None),
        "suppressed": tuple(one for one in chosen if one.suppressed is not None),
    }


def _under(
    settings: RepositorySettings, coverage: tuple[AnalyzerCoverage, ...]
) -> tuple[AnalyzerCoverage, ...]:
    """Return the coverage with identities that tell by which settings findings were chosen."""
    if not settings.found or settings.problems:
        return coverage
    return tuple(replace(one, identity=f"{one.identity} {settings.digest}") for one in coverage)


def _listed(tree: Tree) -> frozenset[str] | None:
    """Return every path of the tree, unless the listing is not whole."""
    if not tree.complete:
        return None
    return frozenset(file.path for file in tree.files) | {one.path for one in tree.skipped}
