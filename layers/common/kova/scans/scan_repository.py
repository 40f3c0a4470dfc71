"""Scan a repository: the worker's whole job. It may be killed at any instruction."""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from kova.analysis.analysis import Analysis
from kova.analysis.analyze_commit import CommitAnalysis
from kova.errors.error import LifecycleChange
from kova.scans.analyze_target import AnalyzeTarget, is_default
from kova.scans.branch_head import FindHead
from kova.scans.claim_scan import ClaimScan, renewing_claim
from kova.scans.coverage import coverage_of
from kova.scans.exceptions import WorkerKilledError
from kova.scans.message import ScanJob
from kova.scans.ports import CodeIndexer, ScanQueue, Stores
from kova.scans.record_scan import RecordScan
from kova.scans.retry_scans import FindReruns
from kova.scans.scan import ScanStats, ScanStatus, ScanTarget
from kova.scans.settle_scan import SettleScan
from kova.scans.supersede_scan import SupersedeScan
from kova.shared.claimed_scan import ClaimedScan
from kova.shared.code_source import CodeSource
from kova.shared.exceptions import (
    GitHubRefusedError,
    OwnerNotAllowedError,
    RepositoryNotFoundError,
)
from kova.shared.meter import Meter
from kova.shared.reach import EVERYTHING
from kova.shared.repository import Repository, RepositoryInfo, RepositoryRef
from kova.shared.run_job import JobEnded, Receipt, SettledError

_FIRST: Final = Receipt()
# A worker may be killed by chance, by a deployment, or by what ran beside the scan: not so often.
MOST_DEATHS: Final = 3
# So often GitHub is asked to say on a commit that its scan was skipped.
_TELL_ATTEMPTS: Final = 4


class ScanRepository:
    """Scans one target, from the job to the published result."""

    def __init__(
        self,
        *,
        stores: Stores,
        source: CodeSource,
        queue: ScanQueue,
        reruns: FindReruns,
        heads: FindHead,
        supersede: SupersedeScan,
        claims: ClaimScan,
        settle: SettleScan,
        target_analysis: AnalyzeTarget,
        record: RecordScan,
        meter: Meter,
        indexer: CodeIndexer | None = None,
    ) -> None:
        """Without an indexer, the code index is left as it is."""
        self._stores = stores
        self._source = source
        self._queue = queue
        self._reruns = reruns
        self._heads = heads
        self._supersede = supersede
        self._claims = claims
        self._settle = settle
        self._target_analysis = target_analysis
        self._record = record
        self._meter = meter
        self._indexer = indexer

    async def scan(self, job: ScanJob, receipt: Receipt = _FIRST) -> str | None:
        """Scan the target unless it was scanned before; return the scan's id.

        None for a re-run that names no single scan: each that it asks for is queued.

        Raises:
            SettledError: it is not done; the plan says what becomes of the message.
        """
        try:
            self._claims.check_due(job.retry.due_at if job.retry else None)
            repository = await self._find_or_create(job.target)
            if job.target.is_incomplete and not repository.is_unreachable:
                for target in await self._reruns.find(repository, job.target):
                    await asyncio.to_thread(self._queue.send, target)
                return None
            if job.target.names_no_push:
                job = replace(job, target=await self._reruns.find_pushed(repository, job.target))
            scan = await self._stores.scans.create(job.target, repository.id)
            await self._stores.pushes.record(job.target, repository.id, scan.id)
            if repository.problem is not None and repository.is_unreachable:
                await self._stores.scans.skip(scan.id, repository.problem.explanation)
                await self._remember(job.target, scan.id)
                return scan.id
            is_vital = job.retry is None or job.retry.attempt < _TELL_ATTEMPTS
            if await self._supersede.supersede(repository, job.target, scan, is_vital=is_vital):
                trigger = job.target.trigger.value
                self._meter.count("kova_scans_total", trigger=trigger, outcome="skipped")
                await self._remember(job.target, scan.id)
                return scan.id
            async with self._claims.claim(scan, job, receipt) as claim:
                if claim is not None:
                    await self._scan_claimed(repository, job, claim)
        except SettledError:
            raise
        except Exception as exc:
            raise SettledError(self._settle.settle_unclaimed(job, exc)) from exc
        await self._remember(job.target, scan.id)
        return scan.id

    async def _remember(self, target: ScanTarget, scan_id: str) -> None:
        if target.delivery:
            await self._stores.deliveries.remember(target.delivery, target.trigger, scan_id)

    async def _find_or_create(self, target: ScanTarget) -> Repository:
        """Return the repository's row, as it is known or as GitHub describes it now.

        A delivery may be late: it describes only what nobody knows yet. Where it says something
        else than the row, GitHub is asked; also where the row says that GitHub shows nothing, and
        if that is so still, the row is returned as it is.

        Raises:
            RepositoryNotFoundError: the target is an old delivery of a repository whose name
                belongs to another one today.
        """
        store = self._stores.repositories
        namesake = await store.get(target.repository, EVERYTHING)
        if target.github_id is None or target.default_branch is None:
            row = namesake
        else:
            row = await store.find(target.github_id)
        if row is not None and row.is_unreachable:
            return await self._ask_again(target, row)
        if row is not None and _says_the_same(row, target):
            return row
        is_foreign = namesake is not None and namesake.github_id not in {None, target.github_id}
        if row is not None or is_foreign:
            # Whose name is it today? The delivery may be late, or the other one may be gone.
            return await self._ask_github(target, row)
        if target.github_id is None or target.default_branch is None:
            return await self._ask_github(target, None)
        return await store.save(
            RepositoryInfo(
                full_name=target.repository,
                github_id=target.github_id,
                installation_id=target.installation_id,
                default_branch=target.default_branch,
                private=target.private,
            )
        )

    async def _ask_github(self, target: ScanTarget, row: Repository | None) -> Repository:
        """Ask by the names that the repository has or had; of a known one the App may be new."""
        github_id = target.github_id or (row.github_id if row else None)
        installation_id = target.installation_id if row is None else None
        names = [target.repository]
        if row is not None and row.full_name != target.repository and "#" not in row.full_name:
            names.append(row.full_name)
        for name in names:
            ref = RepositoryRef(full_name=name, installation_id=installation_id)
            info = await self._source.repository(ref)
            if github_id in {None, info.github_id}:
                return await self._stores.repositories.save(info)
        raise RepositoryNotFoundError(
            "Another repository has this name by now: the delivery is an old one."
        )

    async def _ask_again(self, target: ScanTarget, row: Repository) -> Repository:
        """Return the row as GitHub shows it, or as it is where GitHub still shows nothing."""
        try:
            return await self._ask_github(target, row)
        except (RepositoryNotFoundError, OwnerNotAllowedError):
            return row
        except GitHubRefusedError as exc:
            if exc.data.get("refusal") != "forbidden":
                raise
            return row

    async def _scan_claimed(self, repository: Repository, job: ScanJob, claim: ClaimedScan) -> None:
        with tempfile.TemporaryDirectory(prefix="kova-") as name:
            folder = Path(name)
            async with renewing_claim(self._stores.scans, claim):
                analysis = await self._attempt(repository, job, claim, folder)
            if self._indexer is not None:
                # The scan is finished and published: a worker that dies from here on loses nothing.
                target = replace(job.target, commit_sha=analysis.request.commit_sha)
                await self._indexer.index(repository, target, folder, analysis.tree_files)

    async def _attempt(
        self, repository: Repository, job: ScanJob, claim: ClaimedScan, folder: Path
    ) -> CommitAnalysis:
        """Scan, and record how it ended.

        Raises:
            SettledError: it failed; the row says so.
        """
        started = time.monotonic()
        try:
            if claim.worker_deaths >= MOST_DEATHS:
                raise WorkerKilledError(
                    f"The scan ended its worker {claim.worker_deaths} times: for want of memory or"
                    " time, or by a crash."
                )
            return await self._scan(repository, job.target, claim, folder, started)
        except Exception as exc:
            plan = await self._settle.settle(
                repository, job, claim, exc, duration_ms=_milliseconds_since(started)
            )
            if isinstance(plan, JobEnded):
                self._count(job.target, "failed", started)
                await self._remember(job.target, claim.id)
            raise SettledError(plan) from exc

    async def _scan(
        self,
        repository: Repository,
        target: ScanTarget,
        claim: ClaimedScan,
        folder: Path,
        started: float,
    ) -> CommitAnalysis:
        target = await self._resolve(repository, target, claim)
        analysis = await self._target_analysis.analyze(repository, target, folder)
        change, publication = await self._record.record(repository, target, claim, analysis, folder)
        await self._stores.scans.finish(
            claim,
            ScanStatus.SUCCEEDED,
            stats=_stats(analysis, change, started),
            skipped=analysis.skipped,
            coverage=coverage_of(analysis, analysis.request.settings, publication.refusals),
            check_run_url=publication.url,
            checks_failed=publication.failed,
        )
        self._count(target, "succeeded", started)
        return analysis

    def _count(self, target: ScanTarget, outcome: str, started: float) -> None:
        trigger = target.trigger.value
        self._meter.count("kova_scans_total", trigger=trigger, outcome=outcome)
        seconds = time.monotonic() - started
        self._meter.observe("kova_scan_duration_seconds", seconds, trigger=trigger)

    async def _resolve(
        self, repository: Repository, target: ScanTarget, claim: ClaimedScan
    ) -> ScanTarget:
        """Fill in the ref and the commit where the request named none."""
        if target.commit_sha is not None:
            return target
        ref = target.ref or f"refs/heads/{repository.default_branch}"
        target = replace(target, ref=ref)
        if is_default(repository, target):
            commit_sha = await self._heads.find(repository)
        else:
            commit_sha = await self._source.resolve(repository.ref, ref)
        await self._stores.scans.resolve(claim.id, ref, commit_sha)
        return replace(target, commit_sha=commit_sha)


def _says_the_same(row: Repository, target: ScanTarget) -> bool:
    """True where an event describes a repository as it is known."""
    if target.github_id is None or target.default_branch is None:
        return True
    described = (target.repository, target.default_branch, target.private)
    is_same_app = target.installation_id in {None, row.installation_id}
    return is_same_app and described == (row.full_name, row.default_branch, row.private)


def _stats(analysis: Analysis, change: LifecycleChange, started: float) -> ScanStats:
    ignored = len(change.finding_status.ignored)
    return ScanStats(
        files=analysis.files,
        files_analyzed=len(analysis.analyzed),
        files_cached=len(analysis.cached & analysis.analyzed),
        files_skipped=len({skip.path for skip in analysis.skipped if skip.path}),
        errors=len(analysis.findings) - ignored,
        new_errors=change.new,
        fixed_errors=change.fixed,
        reopened_errors=change.reopened,
        ignored=ignored,
        suppressed=len(analysis.suppressed),
        duration_ms=_milliseconds_since(started),
    )


def _milliseconds_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
