"""The scan worker's job, put together."""

from __future__ import annotations

from kova.adapters.analyzers.code_digest import PROOFS, code_digest
from kova.analysis.analyze_commit import AnalyzeCommit
from kova.analysis.finding_cache import FindingCache
from kova.analysis.run_analyzers import AnalyzeTree
from kova.bootstrap.settings import Settings
from kova.code_index.index_repository import IndexRepository
from kova.code_index.ports import CodeIndex
from kova.errors.trace_history import TraceHistory
from kova.fixes.ports import Publisher
from kova.fixes.proof_cache import ProofCache
from kova.fixes.propose_fixes import ProposeFixes
from kova.fixes.prove_fix import ProveFix
from kova.scans.analyze_target import AnalyzeTarget
from kova.scans.offer_fixes import OfferFixes
from kova.scans.publish_scan import PublishScan
from kova.scans.record_scan import RecordScan
from kova.scans.scan_repository import ScanRepository, Stores
from kova.shared.code_source import CodeSource, FetchLimits
from kova.shared.meter import Meter

# A hostile file can have thousands of findings, each slow to prove; a Lambda lives 15 minutes.
PROOF_SECONDS = 180.0


def fetch_limits(settings: Settings) -> FetchLimits:
    """Return what a fetch may cost."""
    return FetchLimits(
        files=settings.max_files,
        file_bytes=settings.max_file_bytes,
        total_bytes=settings.max_total_bytes,
        seconds=float(settings.fetch_seconds),
    )


def scan_repository(
    *,
    stores: Stores,
    source: CodeSource,
    analyzers: AnalyzeTree,
    prove: ProveFix,
    publisher: Publisher,
    limits: FetchLimits,
    meter: Meter,
    index: CodeIndex | None = None,
) -> ScanRepository:
    """Build the job from its parts."""
    commit_analysis = AnalyzeCommit(
        source=source,
        analyzers=analyzers,
        limits=limits,
        cache=FindingCache(cache=stores.cache, analyzers=analyzers),
    )
    publish = PublishScan(publisher)
    return ScanRepository(
        stores=stores,
        source=source,
        meter=meter,
        indexer=IndexRepository(index, source=source, limits=limits) if index else None,
        target_analysis=AnalyzeTarget(
            source=source, commit_analysis=commit_analysis, cache=stores.cache
        ),
        record=RecordScan(
            errors=stores.errors,
            source=source,
            history=TraceHistory(
                errors=stores.errors, source=source, commit_analysis=commit_analysis
            ),
            offer=OfferFixes(
                commit_analysis=commit_analysis,
                propose=ProposeFixes(prove, seconds=PROOF_SECONDS),
                proofs=ProofCache(
                    cache=stores.cache, analyzers=analyzers, prover=lambda: code_digest(PROOFS)
                ),
                fixes=stores.fixes,
                publish=publish,
                meter=meter,
            ),
            publish=publish,
        ),
    )
