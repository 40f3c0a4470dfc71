"""Record what a scan found and publish it: each step is the same when it is done twice."""

from __future__ import annotations

from dataclasses import dataclass

from kova.domain.error import LifecycleChange
from kova.domain.repository import Repository
from kova.domain.scan import Analysis, ClaimedScan, ScanTarget
from kova.ports.source import CodeSource
from kova.ports.stores import ErrorStore, FixStore
from kova.usecases.analyze_target import AnalyzedTarget, address, is_default
from kova.usecases.publish_scan import PublishScan
from kova.usecases.trace_history import TraceHistory

_UNCHANGED = LifecycleChange(new=0, fixed=0, reopened=0, error_ids={})


@dataclass(frozen=True, kw_only=True)
class ScanOutcome:
    """What the scan's row tells."""

    analyzed: AnalyzedTarget
    change: LifecycleChange
    check_run_url: str | None

    @property
    def analysis(self) -> Analysis:
        """What the analysers said."""
        return self.analyzed.analysis


class RecordScan:
    """Rows first, then GitHub."""

    def __init__(
        self,
        *,
        errors: ErrorStore,
        fixes: FixStore,
        source: CodeSource,
        history: TraceHistory,
        publish: PublishScan,
    ) -> None:
        """Take where errors and fixes are kept, GitHub, and how to publish."""
        self._errors = errors
        self._fixes = fixes
        self._source = source
        self._history = history
        self._publish = publish

    async def run(
        self,
        repository: Repository,
        target: ScanTarget,
        claim: ClaimedScan,
        analyzed: AnalyzedTarget,
    ) -> ScanOutcome:
        """Write rows and publish.

        Errors are the state of the default branch: a commit that is no longer its head does not
        change them, since a newer scan does or will. A pull request's are only shown.
        """
        change = _UNCHANGED
        if target.pull_request is not None:
            new = len(analyzed.analysis.findings)
            change = LifecycleChange(new=new, fixed=0, reopened=0, error_ids={})
        elif await self._is_head(repository, target):
            change = await self._apply(repository, claim, analyzed)
        url = await self._publish.check_run(
            repository, target, analyzed.analysis, analyzed.proposal.fixes, analyzed.settings
        )
        return ScanOutcome(analyzed=analyzed, change=change, check_run_url=url)

    async def _apply(
        self, repository: Repository, claim: ClaimedScan, analyzed: AnalyzedTarget
    ) -> LifecycleChange:
        commit_sha = analyzed.request.commit_sha
        history = await self._history.run(analyzed.request, analyzed.analysis)
        change = await self._errors.apply(claim, commit_sha, analyzed.analysis, history)
        proposal = analyzed.proposal
        await self._fixes.save(claim.id, proposal.fixes, change.error_ids)
        offered = self._publish.offered(repository, proposal.files, analyzed.settings)
        url = await self._publish.pull_request(repository, commit_sha, offered)
        if url:
            fixes = [fix for file in offered for fix in file.fixes]
            ids = [change.error_ids[fix.finding.fingerprint] for fix in fixes]
            await self._fixes.published(ids, url)
        return change

    async def _is_head(self, repository: Repository, target: ScanTarget) -> bool:
        if not is_default(repository, target) and target.ref != target.commit_sha:
            return False
        head = f"refs/heads/{repository.default_branch}"
        return await self._source.resolve(address(repository), head) == target.commit_sha
