"""Record what a scan found and publish it: each step is the same when it is done twice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from kova.analysis.analysis import Analysis
from kova.errors.error import LifecycleChange, Standing
from kova.errors.ports import ErrorStore
from kova.errors.trace_history import TraceHistory
from kova.fixes.fix import ProvedFix
from kova.scans.analyze_target import AnalyzedTarget, is_default
from kova.scans.offer_fixes import OfferFixes
from kova.scans.publish_scan import PublishScan
from kova.scans.report import ScanReport
from kova.scans.scan import ScanTarget
from kova.shared.claimed_scan import ClaimedScan
from kova.shared.code_source import CodeSource
from kova.shared.repository import Repository

_UNCHANGED = LifecycleChange(new=0, fixed=0, reopened=0, error_ids={}, standing=Standing())


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
        source: CodeSource,
        history: TraceHistory,
        offer: OfferFixes,
        publish: PublishScan,
    ) -> None:
        """Take where errors are kept, GitHub, what becomes of fixes, and how to publish."""
        self._errors = errors
        self._source = source
        self._history = history
        self._offer = offer
        self._publish = publish

    async def run(
        self,
        repository: Repository,
        target: ScanTarget,
        claim: ClaimedScan,
        analyzed: AnalyzedTarget,
        folder: Path,
    ) -> ScanOutcome:
        """Write rows and publish; the folder has the files that were fetched.

        Errors are the state of the default branch: a commit that is no longer its head does not
        change them, since a newer scan does or will. A pull request's are only shown.
        """
        analysis, commit_sha = analyzed.analysis, analyzed.request.commit_sha
        fixes: tuple[ProvedFix, ...] = ()
        if target.pull_request is not None:
            standing = Standing(fresh=frozenset(one.fingerprint for one in analysis.findings))
            change = replace(_UNCHANGED, new=len(analysis.findings), standing=standing)
        elif await self._is_head(repository, target):
            history = await self._history.run(analyzed.request, analysis)
            change = await self._errors.apply(claim, commit_sha, analysis, history)
            if target.fix:
                fixes = await self._offer.run(repository, claim, analyzed, change, folder)
        else:
            standing = await self._errors.standing(repository.id, commit_sha, analysis)
            change = replace(_UNCHANGED, standing=standing)
        report = ScanReport(
            analysis=analysis,
            standing=change.standing,
            fixes=fixes,
            settings=analyzed.settings,
            whole=target.pull_request is None,
        )
        url = await self._publish.check_run(repository, target, report)
        return ScanOutcome(analyzed=analyzed, change=change, check_run_url=url)

    async def _is_head(self, repository: Repository, target: ScanTarget) -> bool:
        if not is_default(repository, target) and target.ref != target.commit_sha:
            return False
        head = f"refs/heads/{repository.default_branch}"
        return await self._source.resolve(repository.ref, head) == target.commit_sha
