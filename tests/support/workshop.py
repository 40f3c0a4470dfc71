"""The use cases of analysis, errors, fixes and scans over twins in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from kova.adapters.analyzers.python_syntax import outline_python
from kova.adapters.memory.clock import Clock
from kova.adapters.memory.code_source import MemoryCodeSource
from kova.adapters.memory.database import MemoryDatabase
from kova.adapters.memory.publisher import MemoryPublisher
from kova.adapters.memory.queues import MemoryScanQueue
from kova.analysis.analyze_commit import AnalyzeCommit, CommitAnalysis, CommitRequest
from kova.analysis.finding_cache import FindingCache
from kova.analysis.ports import Analyzer
from kova.analysis.run_analyzers import AnalyzeTree
from kova.errors.trace_history import TraceHistory
from kova.fixes.fix import FileFixes, FixStatus
from kova.fixes.follow_pull_requests import FollowPullRequests
from kova.fixes.hold_pulls import HoldPulls
from kova.fixes.outline import Outline
from kova.fixes.proof_cache import ProofCache
from kova.fixes.propose_fixes import ProposeFixes
from kova.fixes.prove_fix import ProveFix
from kova.scans.analyze_target import AnalyzeTarget
from kova.scans.branch_head import FindHead
from kova.scans.claim_scan import ClaimScan
from kova.scans.message import ScanJob
from kova.scans.offer_fixes import OfferFixes
from kova.scans.ports import CodeIndexer, ScanQueue
from kova.scans.publish_scan import PublishScan
from kova.scans.record_scan import RecordScan
from kova.scans.retry_scans import FindReruns
from kova.scans.scan import Scan, ScanTarget
from kova.scans.scan_repository import ScanRepository
from kova.scans.settle_scan import SettleScan
from kova.scans.supersede_scan import SupersedeScan
from kova.scans.tell_failure import TellFailure
from kova.scans.worker_slots import WorkerSlots
from kova.shared.code_source import FetchLimits
from kova.shared.meter import SilentMeter
from kova.shared.reach import EVERYTHING
from kova.shared.repository import Repository
from kova.shared.run_job import Plan, Receipt, SettledError
from tests.support.analyzer import MarkAnalyzer
from tests.support.stores import NAME, memory_stores, scan_target

FIRST: Final = Receipt()


class PlainPython:
    """Implements fixes.ports.SyntaxReader in this process, which is quicker and no bound."""

    def handles(self, path: str) -> bool:
        return path.endswith(".py")

    def outlines(self, files: Sequence[tuple[str, str]]) -> list[Outline | None]:
        return [outline_python(text) for _, text in files]


class Workshop:
    """One repository on GitHub, and the use cases as they are wired in bootstrap/workers/scan_job.py."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self.database = MemoryDatabase(clock=clock or Clock())
        self.stores = memory_stores(self.database)
        self.source = MemoryCodeSource()
        self.publisher = MemoryPublisher(self.source)
        self.tool = MarkAnalyzer()
        self.tools: list[Analyzer] = [self.tool]
        self.limits = FetchLimits()
        self.slots = WorkerSlots()
        self.queue: ScanQueue = MemoryScanQueue()
        self.indexer: CodeIndexer | None = None
        self.info = self.source.create_repository(NAME)
        self._folder = folder
        self._folders = 0

    def push(self, branch: str = "main", **files: str) -> str:
        """Push a tree of files `name.py` and return the commit."""
        return self.push_files({f"{name}.py": text for name, text in files.items()}, branch)

    def push_files(self, files: Mapping[str, str], branch: str = "main") -> str:
        contents = {path: text.encode() for path, text in files.items()}
        return self.source.push(NAME, contents, branch=branch)

    async def repository(self) -> Repository:
        return await self.stores.repositories.save(self.info)

    def set_fix_status(self, fix_id: str, status: FixStatus) -> None:
        """Give a stored fix a status that people or GitHub decide about."""
        self.database.fixes[fix_id] = replace(self.database.fixes[fix_id], status=status)

    def forget_blob_of(self, error_id: str) -> None:
        """Leave a stored error as one of before the blobs of files were recorded."""
        self.database.errors[error_id] = replace(self.database.errors[error_id], blob_sha=None)

    @property
    def folder(self) -> Path:
        """The folder of the last analysis."""
        return self._folder / str(self._folders)

    def new_folder(self) -> Path:
        """Return a private folder, as each scan has one."""
        self._folders += 1
        folder = self._folder / str(self._folders)
        folder.mkdir()
        return folder

    @property
    def analyzers(self) -> AnalyzeTree:
        return AnalyzeTree(self.tools)

    @property
    def commit_analysis(self) -> AnalyzeCommit:
        analyzers = self.analyzers
        return AnalyzeCommit(
            source=self.source,
            analyzers=analyzers,
            limits=self.limits,
            cache=FindingCache(cache=self.stores.cache, analyzers=analyzers),
        )

    async def request(self, commit_sha: str, **fields: object) -> CommitRequest:
        repository = await self.repository()
        request = CommitRequest(
            repository_ref=repository.ref, repository_id=repository.id, commit_sha=commit_sha
        )
        return replace(request, **fields)  # type: ignore[arg-type]

    async def analyze(self, commit_sha: str, **fields: object) -> CommitAnalysis:
        request = await self.request(commit_sha, **fields)
        return await self.commit_analysis.analyze(request, self.new_folder())

    @property
    def target_analysis(self) -> AnalyzeTarget:
        return AnalyzeTarget(
            source=self.source, commit_analysis=self.commit_analysis, cache=self.stores.cache
        )

    @property
    def history(self) -> TraceHistory:
        return TraceHistory(
            errors=self.stores.errors, source=self.source, commit_analysis=self.commit_analysis
        )

    @property
    def prover(self) -> ProveFix:
        return ProveFix(analyzers=self.analyzers, syntax=[PlainPython()])

    @property
    def propose(self) -> ProposeFixes:
        return ProposeFixes(self.prover)

    def proofs(self, prover: str = "prover 1") -> ProofCache:
        return ProofCache(cache=self.stores.cache, analyzers=self.analyzers, prover=lambda: prover)

    @property
    def offer(self) -> OfferFixes:
        return OfferFixes(
            commit_analysis=self.commit_analysis,
            propose=self.propose,
            proofs=self.proofs(),
            fixes=self.stores.fixes,
            heads=self.heads,
            publish=PublishScan(self.publisher),
            follow=FollowPullRequests(fixes=self.stores.fixes, publisher=self.publisher),
            pulls=self.pulls,
            meter=SilentMeter(),
        )

    @property
    def pulls(self) -> HoldPulls:
        return HoldPulls(self.stores.pull_leases)

    @property
    def heads(self) -> FindHead:
        return FindHead(
            repositories=self.stores.repositories,
            pushes=self.stores.pushes,
            recovery=self.stores.recovery,
            errors=self.stores.errors,
            source=self.source,
            queue=self.queue,
            now=self.database.clock,
        )

    @property
    def record(self) -> RecordScan:
        return RecordScan(
            errors=self.stores.errors,
            heads=self.heads,
            history=self.history,
            offer=self.offer,
            publish=PublishScan(self.publisher),
        )

    @property
    def tell(self) -> TellFailure:
        return TellFailure(scans=self.stores.scans, publish=PublishScan(self.publisher))

    @property
    def job(self) -> ScanRepository:
        return ScanRepository(
            stores=self.stores,
            source=self.source,
            queue=self.queue,
            reruns=FindReruns(recovery=self.stores.recovery, source=self.source),
            heads=self.heads,
            supersede=SupersedeScan(
                scans=self.stores.scans,
                recovery=self.stores.recovery,
                pushes=self.stores.pushes,
                errors=self.stores.errors,
                source=self.source,
                publish=PublishScan(self.publisher),
            ),
            claims=ClaimScan(
                scans=self.stores.scans,
                recovery=self.stores.recovery,
                slots=self.slots,
                now=self.database.clock,
            ),
            settle=SettleScan(
                scans=self.stores.scans,
                tell=self.tell,
                now=self.database.clock,
            ),
            target_analysis=self.target_analysis,
            record=self.record,
            meter=SilentMeter(),
            indexer=self.indexer,
        )

    async def scan(self, **fields: object) -> Scan:
        """Scan the head of main and return the row."""
        head = await self.source.resolve((await self.repository()).ref, "main")
        return await self.scan_target(scan_target(**{"commit_sha": head, **fields}))

    async def scan_target(self, target: ScanTarget) -> Scan:
        scan_id = await self.job.scan(ScanJob(target=target))
        assert scan_id is not None
        scan = await self.stores.scans.get(scan_id, EVERYTHING)
        assert scan is not None
        return scan

    async def fail_to_scan(
        self, job: ScanTarget | ScanJob, receipt: Receipt = FIRST
    ) -> tuple[Plan, BaseException | None]:
        """Scan what cannot be scanned now; return the plan, and what it failed with."""
        job = job if isinstance(job, ScanJob) else ScanJob(target=job)
        with pytest.raises(SettledError) as caught:
            await self.job.scan(job, receipt)
        return caught.value.plan, caught.value.__cause__


def fixes_of(proposed: Mapping[str, FileFixes]) -> dict[str, list[str]]:
    """Return the status of each fix by path."""
    return {path: [fix.status.value for fix in file.fixes] for path, file in proposed.items()}
