"""The scan worker's job, put together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from kova.adapters.analyzers.code_digest import PROOFS, code_digest
from kova.adapters.github.publisher import GitHubPublisher
from kova.analysis.analyze_commit import AnalyzeCommit
from kova.analysis.finding_cache import FindingCache
from kova.analysis.run_analyzers import AnalyzeTree
from kova.bootstrap.analyzers import local_analyzers, prove_fix
from kova.bootstrap.code_index import code_index
from kova.bootstrap.core import Core
from kova.bootstrap.fixes import fetch_limits
from kova.bootstrap.queues import scan_queue
from kova.bootstrap.scans import ScanRoot
from kova.code_index.index_repository import IndexRepository
from kova.code_index.ports import CodeIndex
from kova.errors.trace_history import TraceHistory
from kova.fixes.follow_pull_requests import FollowPullRequests
from kova.fixes.hold_pulls import HoldPulls
from kova.fixes.ports import Publisher
from kova.fixes.proof_cache import ProofCache
from kova.fixes.propose_fixes import ProposeFixes
from kova.fixes.prove_fix import ProveFix
from kova.scans.analyze_target import AnalyzeTarget
from kova.scans.branch_head import FindHead
from kova.scans.claim_scan import ClaimScan
from kova.scans.offer_fixes import OfferFixes
from kova.scans.ports import ScanQueue, Stores
from kova.scans.publish_scan import PublishScan
from kova.scans.record_scan import RecordScan
from kova.scans.replay_scan import ReadOnlyCache, ReplayScan
from kova.scans.retry_scans import FindReruns
from kova.scans.scan_repository import ScanRepository
from kova.scans.settle_scan import SettleScan
from kova.scans.supersede_scan import SupersedeScan
from kova.scans.tell_failure import TellFailure
from kova.scans.worker_slots import WorkerSlots
from kova.shared.code_source import CodeSource, FetchLimits
from kova.shared.meter import Meter

# A hostile file can have thousands of findings, each slow to prove; a Lambda lives 15 minutes.
PROOF_SECONDS: Final = 180.0


def scan_job(core: Core, scans: ScanRoot) -> ScanRepository:
    """Build the job of this process; SettingsError when an analyser or GitHub is missing."""
    analyzers = AnalyzeTree(local_analyzers(core.settings))
    return scan_repository(
        stores=scans.stores,
        source=core.source,
        queue=scan_queue(core),
        analyzers=analyzers,
        prove=prove_fix(analyzers),
        publisher=GitHubPublisher(core.github),
        limits=fetch_limits(core.settings),
        meter=core.meter,
        index=code_index(core),
        share=core.settings.scans_per_repository,
    )


def replay_scan(core: Core, scans: ScanRoot) -> ReplayScan:
    """Build the replay of a scan; SettingsError when an analyser or GitHub is missing."""
    analyzers, stores = AnalyzeTree(local_analyzers(core.settings)), scans.stores
    cache = ReadOnlyCache(stores.cache)
    commit_analysis = AnalyzeCommit(
        source=core.source,
        analyzers=analyzers,
        limits=fetch_limits(core.settings),
        cache=FindingCache(cache=cache, analyzers=analyzers),
    )
    return ReplayScan(
        repositories=stores.repositories,
        scans=stores.scans,
        errors=stores.errors,
        source=core.source,
        target_analysis=AnalyzeTarget(
            source=core.source, commit_analysis=commit_analysis, cache=cache
        ),
        propose=ProposeFixes(prove_fix(analyzers), seconds=PROOF_SECONDS),
    )


def scan_repository(
    *,
    stores: Stores,
    source: CodeSource,
    queue: ScanQueue,
    analyzers: AnalyzeTree,
    prove: ProveFix,
    publisher: Publisher,
    limits: FetchLimits,
    meter: Meter,
    index: CodeIndex | None = None,
    share: int | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> ScanRepository:
    """Build the job from its parts; there is one in a process, for its slots are the worker's."""
    commit_analysis = AnalyzeCommit(
        source=source,
        analyzers=analyzers,
        limits=limits,
        cache=FindingCache(cache=stores.cache, analyzers=analyzers),
    )
    publish = PublishScan(publisher)
    heads = _find_head(stores, source, queue, now)
    offer = _offer_fixes(
        stores,
        commit_analysis,
        analyzers=analyzers,
        heads=heads,
        prove=prove,
        publisher=publisher,
        meter=meter,
    )
    return ScanRepository(
        stores=stores,
        source=source,
        queue=queue,
        reruns=FindReruns(recovery=stores.recovery, source=source),
        heads=heads,
        supersede=_supersede_scan(stores, source, publish),
        claims=_claim_scan(stores, now, share),
        settle=SettleScan(
            scans=stores.scans, tell=TellFailure(scans=stores.scans, publish=publish), now=now
        ),
        meter=meter,
        indexer=IndexRepository(index, source=source, limits=limits) if index else None,
        target_analysis=AnalyzeTarget(
            source=source, commit_analysis=commit_analysis, cache=stores.cache
        ),
        record=RecordScan(
            errors=stores.errors,
            heads=heads,
            history=TraceHistory(
                errors=stores.errors, source=source, commit_analysis=commit_analysis
            ),
            offer=offer,
            publish=publish,
        ),
    )


def _offer_fixes(
    stores: Stores,
    commit_analysis: AnalyzeCommit,
    *,
    analyzers: AnalyzeTree,
    heads: FindHead,
    prove: ProveFix,
    publisher: Publisher,
    meter: Meter,
) -> OfferFixes:
    proofs = ProofCache(cache=stores.cache, analyzers=analyzers, prover=lambda: code_digest(PROOFS))
    return OfferFixes(
        commit_analysis=commit_analysis,
        propose=ProposeFixes(prove, seconds=PROOF_SECONDS),
        proofs=proofs,
        fixes=stores.fixes,
        heads=heads,
        publish=PublishScan(publisher),
        follow=FollowPullRequests(fixes=stores.fixes, publisher=publisher),
        pulls=HoldPulls(stores.pull_leases),
        meter=meter,
    )


def _supersede_scan(stores: Stores, source: CodeSource, publish: PublishScan) -> SupersedeScan:
    return SupersedeScan(
        scans=stores.scans,
        recovery=stores.recovery,
        pushes=stores.pushes,
        errors=stores.errors,
        source=source,
        publish=publish,
    )


def _find_head(
    stores: Stores, source: CodeSource, queue: ScanQueue, now: Callable[[], datetime]
) -> FindHead:
    return FindHead(
        repositories=stores.repositories,
        pushes=stores.pushes,
        recovery=stores.recovery,
        errors=stores.errors,
        source=source,
        queue=queue,
        now=now,
    )


def _claim_scan(stores: Stores, now: Callable[[], datetime], share: int | None) -> ClaimScan:
    return ClaimScan(
        scans=stores.scans,
        recovery=stores.recovery,
        slots=WorkerSlots(),
        now=now,
        share=share,
    )
