"""Analyse a commit: what was analysed before comes from the cache, the rest is fetched."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kova.domain.cached import cache_key, decode_findings, encode_findings
from kova.domain.finding import Finding, Skipped
from kova.domain.repository_settings import RepositorySettings
from kova.domain.scan import Analysis, AnalyzerCoverage
from kova.ports.source import CodeSource, FetchLimits, RepositoryRef, Tree, TreeFile
from kova.ports.stores import AnalysisCache
from kova.usecases.analyze_tree import AnalyzeTree, TreeRun
from kova.usecases.proof_cache import ProofCache
from kova.usecases.propose_fixes import FileOutcome
from kova.usecases.select_files import select

_LOG = logging.getLogger("kova.scan")
_FINDINGS, _PROGRAM = "findings", "program"


@dataclass(frozen=True, kw_only=True)
class CommitRequest:
    """What to analyse.

    Attributes:
        repository: how GitHub knows it.
        repository_id: how the stores know it.
        commit_sha: the commit.
        only: these paths; None means all.
        full: analyse also what was analysed before.
        fixes: fixes are to be proved: files that have one unproved are analysed again.
        settings: what the repository's own file says.
    """

    repository: RepositoryRef
    repository_id: str
    commit_sha: str
    only: frozenset[str] | None = None
    full: bool = False
    fixes: bool = False
    settings: RepositorySettings = field(default_factory=RepositorySettings)


@dataclass(frozen=True, kw_only=True)
class AnalyzedCommit:
    """The analysis, its files, those that are in the folder, and the proofs that were known."""

    analysis: Analysis
    files: tuple[TreeFile, ...]
    fetched: frozenset[str]
    proofs: Mapping[str, FileOutcome]


@dataclass(frozen=True, kw_only=True)
class _Known:
    findings: Mapping[str, tuple[Finding, ...]]
    proofs: Mapping[str, FileOutcome]


class AnalyzeCommit:
    """The way from a commit id to an analysis."""

    def __init__(
        self,
        *,
        source: CodeSource,
        analyze: AnalyzeTree,
        limits: FetchLimits,
        cache: AnalysisCache,
        proofs: ProofCache,
    ) -> None:
        """Take GitHub, the analysers, what a fetch may cost, and what is known already."""
        self._source = source
        self._analyze = analyze
        self._limits = limits
        self._cache = cache
        self._proofs = proofs

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
        known = await self._known(request, wanted)
        programs, program_findings = await self._programs(request, wanted)
        missing = [file for file in wanted if file.path not in known.findings]
        fetch = {file.path: file for file in (*missing, *programs)}
        absent = await self._source.download(
            request.repository, request.commit_sha, list(fetch.values()), folder, self._limits
        )
        gone = {one.path for one in absent}
        ran = await asyncio.to_thread(
            self._analyze.files,
            folder,
            [file.path for file in missing if file.path not in gone],
            programs=[file.path for file in programs if file.path not in gone],
        )
        complete = programs if programs and not gone else []
        await self._keep(request, missing, complete, ran)
        findings = [*ran.findings, *program_findings]
        findings += [one for group in known.findings.values() for one in group]
        left_out = {*skipped, *absent, *ran.skipped}
        analysis = Analysis(
            **_told(request.settings.marked(findings)),
            skipped=tuple(sorted(left_out)),
            files=len(wanted) + len({one.path for one in skipped}),
            analyzed=frozenset(file.path for file in wanted) - {one.path for one in left_out},
            incomplete=ran.incomplete,
            cached=frozenset(known.findings),
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
            proofs=known.proofs,
        )

    def _not_files(self, tree: Tree, only: frozenset[str] | None) -> list[Skipped]:
        told = [
            one
            for one in tree.skipped
            if self._analyze.handles(one.path) and (only is None or one.path in only)
        ]
        return told if tree.complete else [*told, Skipped(path="", reason="tree_incomplete")]

    def _key(self, file: TreeFile) -> bytes:
        readers = self._analyze.readers(file.path)
        return cache_key(_FINDINGS, file.path, file.sha, self._analyze.digest(readers))

    async def _known(self, request: CommitRequest, wanted: Sequence[TreeFile]) -> _Known:
        if request.full:
            return _Known(findings={}, proofs={})
        keys = {self._key(file): file for file in wanted if self._analyze.readers(file.path)}
        loaded = await self._cache.load(request.repository_id, list(keys))
        findings: dict[str, tuple[Finding, ...]] = {}
        for key, data in loaded.items():
            path = keys[key].path
            try:
                findings[path] = decode_findings(data)
            except ValueError:
                _LOG.warning("cached findings are damaged", extra={"path": path})
        if not request.fixes:
            return _Known(findings=findings, proofs={})
        files = {file.path: file for file in wanted}
        open_files = [files[path] for path, group in findings.items() if _fixable(group)]
        proofs = await self._proofs.load(request.repository_id, open_files)
        for file in open_files:
            if file.path not in proofs:
                del findings[file.path]
        return _Known(findings=findings, proofs=proofs)

    async def _programs(
        self, request: CommitRequest, wanted: Sequence[TreeFile]
    ) -> tuple[list[TreeFile], tuple[Finding, ...]]:
        """Return the files that whole-program analysers need, or what they said before.

        Their answer about one file depends on all: it is kept for the whole program only.
        """
        files = [file for file in wanted if self._analyze.readers(file.path, programs=True)]
        if not files or request.only is not None:
            return [], ()
        key = self._program_key(files)
        loaded = {} if request.full else await self._cache.load(request.repository_id, [key])
        if key not in loaded:
            return files, ()
        try:
            return [], decode_findings(loaded[key])
        except ValueError:
            return files, ()

    def _program_key(self, files: Sequence[TreeFile]) -> bytes:
        blobs = " ".join(f"{file.path}\x1f{file.sha}" for file in files)
        return cache_key(_PROGRAM, "", blobs, self._analyze.digest(self._analyze.programs))

    async def _keep(
        self,
        request: CommitRequest,
        missing: Sequence[TreeFile],
        programs: Sequence[TreeFile],
        ran: TreeRun,
    ) -> None:
        """Keep what was analysed to the end by every analyser that reads it."""
        groups: dict[str, list[Finding]] = defaultdict(list)
        for finding in ran.findings:
            if finding.analyzer not in self._analyze.programs:
                groups[finding.path].append(finding)
        nowhere: frozenset[str] = frozenset()
        entries = {
            self._key(file): encode_findings(groups[file.path])
            for file in missing
            if (readers := self._analyze.readers(file.path))
            and all(file.path in ran.covered.get(name, nowhere) for name in readers)
        }
        whole = self._analyze.programs
        if programs and not whole & ran.incomplete:
            found = [one for one in ran.findings if one.analyzer in whole]
            entries[self._program_key(programs)] = encode_findings(found)
        if entries:
            await self._cache.store(request.repository_id, entries)

    def _covered(
        self,
        ran: TreeRun,
        known: _Known,
        wanted: Sequence[TreeFile],
        programs: Sequence[TreeFile],
    ) -> dict[str, frozenset[str]]:
        covered: dict[str, set[str]] = defaultdict(set)
        for name, paths in ran.covered.items():
            covered[name] |= paths
        for path in known.findings:
            for name in self._analyze.readers(path):
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


def _fixable(findings: Iterable[Finding]) -> bool:
    return any(one.edit is not None and one.suppressed is None for one in findings)


def _listed(tree: Tree) -> frozenset[str] | None:
    """Return every path of the tree, unless the listing is not whole."""
    if not tree.complete:
        return None
    return frozenset(file.path for file in tree.files) | {one.path for one in tree.skipped}
