"""Scan a repository: the worker's whole job, safe to be killed at any instruction."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from kova.analysis.ports import AnalysisCache
from kova.errors.ports import ErrorStore
from kova.fixes.ports import FixStore
from kova.scans.analyze_target import AnalyzedTarget, AnalyzeTarget
from kova.scans.coverage import coverage_of
from kova.scans.lease import LEASE, held
from kova.scans.ports import CodeIndexer, DeliveryStore, ScanStore
from kova.scans.record_scan import RecordScan, ScanOutcome
from kova.scans.scan import ScanStats, ScanStatus, ScanTarget
from kova.shared.claimed_scan import ClaimedScan
from kova.shared.code_source import CodeSource
from kova.shared.exceptions import KovaError, UnavailableError
from kova.shared.meter import Meter
from kova.shared.ports import RepositoryStore
from kova.shared.repository import Repository, RepositoryInfo, RepositoryRef


@dataclass(frozen=True, kw_only=True)
class Stores:
    """Everything that a scan remembers."""

    repositories: RepositoryStore
    scans: ScanStore
    errors: ErrorStore
    fixes: FixStore
    deliveries: DeliveryStore
    cache: AnalysisCache


class ScanRepository:
    """Takes one job from the queue to the published result."""

    def __init__(
        self,
        *,
        stores: Stores,
        source: CodeSource,
        analyze: AnalyzeTarget,
        record: RecordScan,
        meter: Meter,
        index: CodeIndexer | None = None,
    ) -> None:
        """Take the stores, GitHub, the steps of a scan, what counts, and perhaps the code index."""
        self._stores = stores
        self._source = source
        self._analyze = analyze
        self._record = record
        self._meter = meter
        self._index = index

    async def run(self, target: ScanTarget) -> str:
        """Do the job, or find it done; return the scan's id.

        Raises:
            BusyError: another worker has this commit in hand; try again later.
            UnavailableError: something did not answer; try again later.
        """
        repository = await self._repository(target)
        scan = await self._stores.scans.create(target, repository.id)
        claim = await self._stores.scans.claim(scan.id, LEASE)
        if claim is not None:
            with tempfile.TemporaryDirectory(prefix="kova-") as name:
                await self._claimed(repository, target, claim, Path(name))
        if target.delivery:
            await self._stores.deliveries.remember(target.delivery, target.trigger, scan.id)
        return scan.id

    async def _repository(self, target: ScanTarget) -> Repository:
        known = await self._stores.repositories.get(target.repository)
        if target.github_id is not None and target.default_branch is not None:
            return await self._stores.repositories.save(
                RepositoryInfo(
                    full_name=target.repository,
                    github_id=target.github_id,
                    installation_id=target.installation_id,
                    default_branch=target.default_branch,
                    private=target.private,
                )
            )
        if known is not None:
            return known
        named = RepositoryRef(full_name=target.repository, installation_id=target.installation_id)
        return await self._stores.repositories.save(await self._source.repository(named))

    async def _claimed(
        self, repository: Repository, target: ScanTarget, claim: ClaimedScan, folder: Path
    ) -> None:
        async with held(self._stores.scans, claim):
            analyzed = await self._attempt(repository, target, claim, folder)
        if analyzed is not None and self._index is not None:
            # The scan is done and told: a worker that dies from here on loses nothing.
            target = replace(target, commit_sha=analyzed.request.commit_sha)
            await self._index.index(repository, target, folder, analyzed.files)

    async def _attempt(
        self, repository: Repository, target: ScanTarget, claim: ClaimedScan, folder: Path
    ) -> AnalyzedTarget | None:
        """Scan, and keep how it ended; None where it failed for good."""
        started = time.monotonic()
        try:
            target = await self._resolved(repository, target, claim)
            outcome = await self._scan(repository, target, claim, folder)
        except UnavailableError:
            await self._stores.scans.release(claim)
            raise
        except KovaError as exc:
            await self._stores.scans.finish(
                claim,
                ScanStatus.FAILED,
                stats=ScanStats(duration_ms=_since(started)),
                skipped=(),
                failure=f"{exc.reason}: {exc.message}",
            )
            self._count(target, "failed", started)
            return None
        await self._succeeded(claim, outcome, started)
        self._count(target, "succeeded", started)
        return outcome.analyzed

    async def _succeeded(self, claim: ClaimedScan, outcome: ScanOutcome, started: float) -> None:
        analysis, change = outcome.analysis, outcome.change
        ignored = len(change.standing.ignored)
        await self._stores.scans.finish(
            claim,
            ScanStatus.SUCCEEDED,
            stats=ScanStats(
                files=analysis.files,
                files_analyzed=len(analysis.analyzed),
                files_cached=len(analysis.cached & analysis.analyzed),
                files_skipped=len({one.path for one in analysis.skipped if one.path}),
                errors=len(analysis.findings) - ignored,
                new_errors=change.new,
                fixed_errors=change.fixed,
                reopened_errors=change.reopened,
                ignored=ignored,
                suppressed=len(analysis.suppressed),
                duration_ms=_since(started),
            ),
            skipped=analysis.skipped,
            coverage=coverage_of(analysis, outcome.analyzed.settings),
            check_run_url=outcome.check_run_url,
        )

    def _count(self, target: ScanTarget, outcome: str, started: float) -> None:
        trigger = target.trigger.value
        self._meter.count("kova_scans_total", trigger=trigger, outcome=outcome)
        seconds = time.monotonic() - started
        self._meter.observe("kova_scan_duration_seconds", seconds, trigger=trigger)

    async def _resolved(
        self, repository: Repository, target: ScanTarget, claim: ClaimedScan
    ) -> ScanTarget:
        """Fill in the ref and the commit where the request named none."""
        if target.commit_sha is not None:
            return target
        ref = target.ref or f"refs/heads/{repository.default_branch}"
        commit_sha = await self._source.resolve(repository.ref, ref)
        await self._stores.scans.resolve(claim.id, ref, commit_sha)
        return replace(target, ref=ref, commit_sha=commit_sha)

    async def _scan(
        self, repository: Repository, target: ScanTarget, claim: ClaimedScan, folder: Path
    ) -> ScanOutcome:
        analyzed = await self._analyze.run(repository, target, folder)
        return await self._record.run(repository, target, claim, analyzed, folder)


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
