"""Record what a scan found and publish it: each step is the same when it is done twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from kova.analysis.analyze_commit import CommitAnalysis
from kova.errors.error import FindingStatus, LifecycleChange
from kova.errors.ports import ErrorStore
from kova.errors.trace_history import TraceHistory
from kova.scans.analyze_target import is_default
from kova.scans.branch_head import FindHead
from kova.scans.offer_fixes import OfferedFixes, OfferFixes
from kova.scans.publish_scan import PublishScan, ScanPublication
from kova.scans.report import ScanReport
from kova.scans.scan import ScanTarget
from kova.shared.claimed_scan import ClaimedScan
from kova.shared.exceptions import GenerationMovedError, HeadMovedError
from kova.shared.repository import Repository

# So often a refused check run or pull request is tried again: GitHub may not know the commit yet.
_VITAL_ATTEMPTS: Final = 3
# So often other scans may change the errors between the question for the head and the answer.
_MOST_QUESTIONS: Final = 3
_UNCHANGED = LifecycleChange(
    new=0, fixed=0, reopened=0, error_ids={}, finding_status=FindingStatus()
)


class RecordScan:
    """Rows first, then GitHub."""

    def __init__(
        self,
        *,
        errors: ErrorStore,
        heads: FindHead,
        history: TraceHistory,
        offer: OfferFixes,
        publish: PublishScan,
    ) -> None:
        self._errors = errors
        self._heads = heads
        self._history = history
        self._offer = offer
        self._publish = publish

    async def record(
        self,
        repository: Repository,
        target: ScanTarget,
        claim: ClaimedScan,
        analysis: CommitAnalysis,
        folder: Path,
    ) -> tuple[LifecycleChange, ScanPublication]:
        """Write rows and publish; the folder has the files that were fetched.

        Errors are the state of the default branch: a commit that is no longer its head does not
        change them, since a newer scan does or will. A pull request's are only shown.

        Returns:
            What the scan changed, and what GitHub took of it.

        Raises:
            GitHubRefusedError: one of the first attempts is refused, and may not be in a moment.
            StaleHeadError: GitHub shows the branch as it was before a push.
            ConflictError: another worker has the scan, or other scans were applied meanwhile.
        """
        commit_sha = analysis.request.commit_sha
        offered, is_vital = OfferedFixes(), claim.attempt <= _VITAL_ATTEMPTS
        if target.is_proposal:
            fingerprints = frozenset(finding.fingerprint for finding in analysis.findings)
            status = FindingStatus(introduced=fingerprints)
            change = replace(_UNCHANGED, new=len(analysis.findings), finding_status=status)
        elif (applied := await self._apply(repository, target, claim, analysis)) is not None:
            change = applied
            if target.fix:
                offered = await self._offer.offer(
                    repository, claim, analysis, change, folder, is_vital=is_vital
                )
        else:
            status = await self._errors.finding_status(repository.id, commit_sha, analysis)
            change = replace(_UNCHANGED, finding_status=status)
        report = ScanReport(
            analysis=analysis,
            status=change.finding_status,
            fixes=offered.fixes,
            settings=analysis.request.settings,
            is_branch=not target.is_proposal,
            refusal=offered.refusal,
            publishable=offered.publishable,
            error_ids=change.error_ids,
        )
        publication = await self._publish.publish_check_run(
            repository, target, report, is_vital=is_vital
        )
        return change, publication

    async def _apply(
        self,
        repository: Repository,
        target: ScanTarget,
        claim: ClaimedScan,
        analysis: CommitAnalysis,
    ) -> LifecycleChange | None:
        """Write the errors; None where the commit is not the head of the default branch."""
        if not is_default(repository, target) and target.ref != target.commit_sha:
            return None
        commit_sha = analysis.request.commit_sha
        for _ in range(_MOST_QUESTIONS):
            # Before the question: an answer is older than whatever is applied after this.
            state = await self._errors.state(repository.id)
            if not await self._heads.is_head(repository, commit_sha):
                return None
            history = await self._history.trace(analysis)
            generation = state.generation if state else 0
            try:
                return await self._errors.apply(
                    claim, commit_sha, analysis, history, generation=generation
                )
            except GenerationMovedError:
                continue
        raise HeadMovedError
