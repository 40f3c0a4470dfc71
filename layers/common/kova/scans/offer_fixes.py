"""Prove the fixes of a commit's errors, keep the proofs, and offer the safe ones."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from kova.analysis.analysis import Analysis
from kova.analysis.analyze_commit import AnalyzeCommit
from kova.errors.error import LifecycleChange
from kova.fixes.fix import ProvedFix
from kova.fixes.ports import FixStore
from kova.fixes.proof_cache import IgnoredHere, ProofCache
from kova.fixes.propose_fixes import FileOutcome, Proposal, ProposeFixes
from kova.scans.analyze_target import AnalyzedTarget
from kova.scans.publish_scan import PublishScan
from kova.shared.claimed_scan import ClaimedScan
from kova.shared.meter import Meter
from kova.shared.repository import Repository


@dataclass(frozen=True, kw_only=True)
class _Proved:
    known: Mapping[str, FileOutcome]
    now: Mapping[str, FileOutcome]


class OfferFixes:
    """What people ignore is mended nowhere: neither by itself nor beside others."""

    def __init__(
        self,
        *,
        analyze: AnalyzeCommit,
        propose: ProposeFixes,
        proofs: ProofCache,
        fixes: FixStore,
        publish: PublishScan,
        meter: Meter,
    ) -> None:
        """Take the analysis of a commit, the prover, what is kept, and how to publish."""
        self._analyze = analyze
        self._propose = propose
        self._proofs = proofs
        self._fixes = fixes
        self._publish = publish
        self._meter = meter

    async def run(
        self,
        repository: Repository,
        claim: ClaimedScan,
        analyzed: AnalyzedTarget,
        change: LifecycleChange,
        folder: Path,
    ) -> tuple[ProvedFix, ...]:
        """Return the outcome of every fix, those that were proved before among them."""
        proved = await self._proved(analyzed, change.standing.ignored, folder)
        for fix in Proposal.of(proved.now).fixes:
            self._meter.count(
                "kova_fixes_total", strategy=fix.strategy.value, outcome=fix.status.value
            )
        proposal = Proposal.of({**proved.known, **proved.now})
        await self._fixes.save(claim.id, proposal.fixes, change.error_ids)
        request = analyzed.request
        offered = self._publish.offered(repository, proposal.files, request.settings)
        url = await self._publish.pull_request(repository, request.commit_sha, offered)
        if url:
            fixes = [fix for file in offered for fix in file.fixes]
            ids = [change.error_ids[fix.finding.fingerprint] for fix in fixes]
            await self._fixes.published(ids, url)
        return proposal.fixes

    async def _proved(
        self, analyzed: AnalyzedTarget, ignored: frozenset[str], folder: Path
    ) -> _Proved:
        analysis = analyzed.analysis.silenced(ignored)
        repository_id = analyzed.request.repository_id
        left_alone = _by_path(analyzed.analysis, ignored)
        fixable = {one.path for one in analysis.findings if one.edit is not None}
        files = [file for file in analyzed.files if file.path in fixable]
        known: dict[str, FileOutcome] = {}
        if not analyzed.request.full:
            known = await self._proofs.load(repository_id, files, left_alone)
        missing = fixable - known.keys()
        there = analyzed.fetched
        if absent := missing - there:
            request = replace(analyzed.request, only=frozenset(absent), full=True)
            again = await self._analyze.run(request, folder, analyzed.tree)
            analysis = _renewed(analysis, again.analysis.silenced(ignored), absent)
            there |= again.fetched
        now = await asyncio.to_thread(self._propose.by_file, folder, analysis, missing & there)
        told = (*analysis.findings, *analysis.suppressed)
        await self._proofs.store(repository_id, now, analysis.blobs, told, left_alone)
        return _Proved(known=known, now=now)


def _renewed(analysis: Analysis, again: Analysis, paths: Container[str]) -> Analysis:
    """Return it with what is said now of these files: the text of edits is not kept."""
    findings = [one for one in analysis.findings if one.path not in paths]
    suppressed = [one for one in analysis.suppressed if one.path not in paths]
    return replace(
        analysis,
        findings=(*findings, *again.findings),
        suppressed=(*suppressed, *again.suppressed),
    )


def _by_path(analysis: Analysis, ignored: frozenset[str]) -> IgnoredHere:
    found: dict[str, set[str]] = defaultdict(set)
    for one in analysis.findings:
        if one.fingerprint in ignored:
            found[one.path].add(one.fingerprint)
    return {path: frozenset(group) for path, group in found.items()}
