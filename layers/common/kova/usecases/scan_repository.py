"""Scan a repository: the worker's whole job, safe to be killed at any instruction."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from kova.domain.errors import ConflictError, KovaError, UnavailableError
from kova.domain.repository import Repository
from kova.domain.scan import Analysis, ClaimedScan, ScanStats, ScanStatus, ScanTarget
from kova.ports.source import CodeSource, RepositoryInfo, RepositoryRef
from kova.ports.stores import DeliveryStore, ErrorStore, FixStore, RepositoryStore, ScanStore
from kova.usecases.fetch_commit import FetchCommit
from kova.usecases.index_repository import IndexRepository
from kova.usecases.propose_fixes import Proposal, ProposeFixes
from kova.usecases.publish_scan import PublishScan

LEASE: Final = timedelta(seconds=15)
_NOTHING: Final = Proposal(fixes=(), files=())


@dataclass(frozen=True, kw_only=True)
class Stores:
    """Everything that a scan remembers."""

    repositories: RepositoryStore
    scans: ScanStore
    errors: ErrorStore
    fixes: FixStore
    deliveries: DeliveryStore


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    analysis: Analysis
    new: int
    fixed: int
    check_run_url: str | None


class ScanRepository:
    """Takes one job from the queue to the published result."""

    def __init__(
        self,
        *,
        stores: Stores,
        source: CodeSource,
        fetch: FetchCommit,
        propose: ProposeFixes,
        publish: PublishScan,
        index: IndexRepository | None = None,
    ) -> None:
        """Take the stores, GitHub, the steps of a scan, and the code index where there is one."""
        self._stores = stores
        self._source = source
        self._fetch = fetch
        self._propose = propose
        self._publish = publish
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
            async with self._heartbeat(claim):
                await self._claimed(repository, target, claim)
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
        address = RepositoryRef(full_name=target.repository, installation_id=target.installation_id)
        return await self._stores.repositories.save(await self._source.repository(address))

    @contextlib.asynccontextmanager
    async def _heartbeat(self, claim: ClaimedScan) -> AsyncIterator[None]:
        """Keep the lease while the work goes on; stop the work when the lease is lost."""
        worker = asyncio.current_task()
        assert worker is not None
        lost = False

        async def beat() -> None:
            nonlocal lost
            while True:
                await asyncio.sleep(LEASE.total_seconds() / 3)
                with contextlib.suppress(UnavailableError):
                    if not await self._stores.scans.renew(claim, LEASE):
                        lost = True
                        worker.cancel()
                        return

        task = asyncio.create_task(beat())
        try:
            yield
        except asyncio.CancelledError:
            if lost:
                raise ConflictError("Another worker took the scan over.") from None
            raise
        finally:
            task.cancel()

    async def _claimed(
        self, repository: Repository, target: ScanTarget, claim: ClaimedScan
    ) -> None:
        started = time.monotonic()
        try:
            target = await self._resolved(repository, target, claim)
            outcome = await self._scan(repository, target, claim)
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
            return
        analysis = outcome.analysis
        await self._stores.scans.finish(
            claim,
            ScanStatus.SUCCEEDED,
            stats=ScanStats(
                files=analysis.files,
                files_analyzed=len(analysis.analyzed),
                files_skipped=len({one.path for one in analysis.skipped if one.path}),
                errors=len(analysis.findings),
                new_errors=outcome.new,
                fixed_errors=outcome.fixed,
                duration_ms=_since(started),
            ),
            skipped=analysis.skipped,
            check_run_url=outcome.check_run_url,
        )

    async def _resolved(
        self, repository: Repository, target: ScanTarget, claim: ClaimedScan
    ) -> ScanTarget:
        """Fill in the ref and the commit where the request named none."""
        if target.commit_sha is not None:
            return target
        ref = target.ref or f"refs/heads/{repository.default_branch}"
        commit_sha = await self._source.resolve(_address(repository), ref)
        await self._stores.scans.resolve(claim.id, ref, commit_sha)
        return replace(target, ref=ref, commit_sha=commit_sha)

    async def _scan(
        self, repository: Repository, target: ScanTarget, claim: ClaimedScan
    ) -> _Outcome:
        assert target.commit_sha is not None
        address = _address(repository)
        with tempfile.TemporaryDirectory(prefix="kova-") as name:
            folder = Path(name)
            if target.pull_request is not None and target.base_sha is not None:
                analysis = await self._fetch.pull_request(
                    address, target.base_sha, target.commit_sha, folder
                )
                url = await self._publish.check_run(repository, target, analysis, ())
                new = len(analysis.findings)
                return _Outcome(analysis=analysis, new=new, fixed=0, check_run_url=url)
            analysis = await self._fetch.whole(address, target.commit_sha, folder)
            proposal = _NOTHING
            if target.fix:
                proposal = await asyncio.to_thread(self._propose.run, folder, analysis.findings)
            if self._index is not None:
                await self._index.run(repository, target, folder, analysis.analyzed)
        return await self._record(repository, target, claim, analysis, proposal)

    async def _record(
        self,
        repository: Repository,
        target: ScanTarget,
        claim: ClaimedScan,
        analysis: Analysis,
        proposal: Proposal,
    ) -> _Outcome:
        """Write rows and publish; each step is the same when it is done twice.

        Errors are the state of the default branch: a commit that is no longer its head does not
        change them, since a newer scan does or will.
        """
        assert target.commit_sha is not None
        new = fixed = 0
        if await self._is_head(repository, target):
            change = await self._stores.errors.apply(claim, target.commit_sha, analysis)
            new, fixed = change.new, change.fixed
            await self._stores.fixes.save(claim.id, proposal.fixes, change.error_ids)
            url = await self._publish.pull_request(repository, target.commit_sha, proposal.files)
            if url:
                offered = [fix for file in proposal.files for fix in file.fixes]
                ids = [change.error_ids[fix.finding.fingerprint] for fix in offered]
                await self._stores.fixes.published(ids, url)
        check_run = await self._publish.check_run(repository, target, analysis, proposal.fixes)
        return _Outcome(analysis=analysis, new=new, fixed=fixed, check_run_url=check_run)

    async def _is_head(self, repository: Repository, target: ScanTarget) -> bool:
        head = f"refs/heads/{repository.default_branch}"
        if target.ref not in (head, repository.default_branch, target.commit_sha):
            return False
        return await self._source.resolve(_address(repository), head) == target.commit_sha


def _address(repository: Repository) -> RepositoryRef:
    return RepositoryRef(full_name=repository.full_name, installation_id=repository.installation_id)


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
