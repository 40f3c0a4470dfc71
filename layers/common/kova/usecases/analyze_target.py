"""Analyse what a scan is about, by the repository's own settings, and prove fixes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from kova.domain.finding import Skipped
from kova.domain.fix import ProvedFix
from kova.domain.introduced import introduced
from kova.domain.kova_toml import BYTES_LIMIT, parse_settings
from kova.domain.repository import Repository
from kova.domain.repository_settings import FILE_NAME, RepositorySettings
from kova.domain.scan import Analysis, ScanTarget
from kova.ports.source import CodeSource, RepositoryRef, Tree, TreeFile
from kova.ports.stores import AnalysisCache
from kova.usecases.analyze_commit import AnalyzeCommit, AnalyzedCommit, CommitRequest
from kova.usecases.proof_cache import ProofCache
from kova.usecases.propose_fixes import FileOutcome, Proposal, ProposeFixes

_NOTHING: Final = Proposal(fixes=(), files=())


@dataclass(frozen=True, kw_only=True)
class AnalyzedTarget:
    """The analysis, its fixes, and by which settings; `request` made it, of `files`.

    `tried` has those fixes that were proved now and not in an earlier scan.
    """

    analysis: Analysis
    proposal: Proposal
    request: CommitRequest
    files: tuple[TreeFile, ...] = ()
    tried: tuple[ProvedFix, ...] = ()

    @property
    def settings(self) -> RepositorySettings:
        """The settings in force."""
        return self.request.settings


class AnalyzeTarget:
    """A branch's commit as a whole, or what a pull request changed."""

    def __init__(
        self,
        *,
        source: CodeSource,
        analyze: AnalyzeCommit,
        propose: ProposeFixes,
        proofs: ProofCache,
        cache: AnalysisCache,
    ) -> None:
        """Take GitHub, the analysis of a commit, the prover, and what is kept."""
        self._source = source
        self._analyze = analyze
        self._propose = propose
        self._proofs = proofs
        self._cache = cache

    async def run(self, repository: Repository, target: ScanTarget, folder: Path) -> AnalyzedTarget:
        """Analyse below a private folder."""
        assert target.commit_sha is not None
        request = CommitRequest(
            repository=address(repository),
            repository_id=repository.id,
            commit_sha=target.commit_sha,
            full=target.full,
        )
        if target.pull_request is not None and target.base_sha is not None:
            result = await self._pull_request(repository, target.base_sha, request, folder)
        else:
            result = await self._branch(repository, target, request, folder)
        await self._cache.clean(repository.id)
        return result

    async def _branch(
        self, repository: Repository, target: ScanTarget, request: CommitRequest, folder: Path
    ) -> AnalyzedTarget:
        tree = await self._analyze.tree(request.repository, request.commit_sha)
        settings = await self._settings(repository, target, tree)
        request = replace(request, settings=settings, fixes=target.fix)
        analyzed = await self._analyze.run(request, folder, tree)
        if not target.fix:
            return AnalyzedTarget(
                analysis=analyzed.analysis,
                proposal=_NOTHING,
                request=request,
                files=analyzed.files,
            )
        outcomes = await self._outcomes(request, analyzed, folder)
        return AnalyzedTarget(
            analysis=analyzed.analysis,
            proposal=Proposal.of({**analyzed.proofs, **outcomes}),
            request=request,
            files=analyzed.files,
            tried=Proposal.of(outcomes).fixes,
        )

    async def _outcomes(
        self, request: CommitRequest, analyzed: AnalyzedCommit, folder: Path
    ) -> dict[str, FileOutcome]:
        """Prove the fixes of the files that were fetched, and keep the proofs."""
        analysis = analyzed.analysis
        outcomes = await asyncio.to_thread(
            self._propose.by_file, folder, analysis, analyzed.fetched
        )
        told = (*analysis.findings, *analysis.suppressed)
        await self._proofs.store(request.repository_id, outcomes, analysis.blobs, told)
        return outcomes

    async def _pull_request(
        self, repository: Repository, base_sha: str, request: CommitRequest, folder: Path
    ) -> AnalyzedTarget:
        """Analyse what a pull request changed, less what its merge base had already."""
        settings = await self._default_settings(repository)
        compared = await self._source.compare(request.repository, base_sha, request.commit_sha)
        old_paths = frozenset(compared.renamed.get(path, path) for path in compared.changed)
        head = replace(request, settings=settings, only=compared.changed)
        base = replace(head, commit_sha=compared.merge_base_sha, only=old_paths)
        (folder / "head").mkdir()
        (folder / "base").mkdir()
        after = (await self._analyze.run(head, folder / "head")).analysis
        before = (await self._analyze.run(base, folder / "base")).analysis
        skipped = after.skipped
        if not compared.complete:
            skipped += (Skipped(path="", reason="comparison_incomplete"),)
        analysis = replace(
            after,
            findings=introduced(after.findings, before.findings, compared.renamed),
            skipped=skipped,
            incomplete=after.incomplete | before.incomplete,
        )
        return AnalyzedTarget(analysis=analysis, proposal=_NOTHING, request=head)

    async def _settings(
        self, repository: Repository, target: ScanTarget, tree: Tree
    ) -> RepositorySettings:
        """Read the settings of the default branch: from this tree when it is its head."""
        if not is_default(repository, target):
            return await self._default_settings(repository)
        if tree.complete and all(file.path != FILE_NAME for file in tree.files):
            return RepositorySettings()
        return await self._read(repository, tree.commit_sha)

    async def _default_settings(self, repository: Repository) -> RepositorySettings:
        return await self._read(repository, repository.default_branch)

    async def _read(self, repository: Repository, ref: str) -> RepositorySettings:
        content = await self._source.root_file(address(repository), ref, FILE_NAME, BYTES_LIMIT)
        return parse_settings(content)


def is_default(repository: Repository, target: ScanTarget) -> bool:
    """Tell whether the scan is about the default branch."""
    head = f"refs/heads/{repository.default_branch}"
    return target.ref in {head, repository.default_branch}


def address(repository: Repository) -> RepositoryRef:
    """Return how GitHub's client addresses a repository."""
    return RepositoryRef(full_name=repository.full_name, installation_id=repository.installation_id)
