"""Prove the fixes of a commit's errors, keep the proofs, and offer the safe ones."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from kova.analysis.analysis import Analysis
from kova.analysis.analyze_commit import AnalyzeCommit, CommitAnalysis, CommitRequest
from kova.errors.error import LifecycleChange
from kova.fixes.fix import FileFixes, FixStatus, ProvedFix
from kova.fixes.follow_pull_requests import FollowPullRequests
from kova.fixes.hold_pulls import HoldPulls
from kova.fixes.ports import FixStore
from kova.fixes.proof_cache import FingerprintsByPath, ProofCache
from kova.fixes.propose_fixes import ProposeFixes
from kova.fixes.protected import is_protected
from kova.fixes.publisher import MOST_BRANCHES, pull_number, pull_numbers
from kova.scans.branch_head import FindHead
from kova.scans.publish_scan import PublishScan
from kova.shared.claimed_scan import ClaimedScan
from kova.shared.exceptions import GitHubRefusedError, RepositoryNotFoundError, StaleHeadError
from kova.shared.meter import Meter
from kova.shared.repository import Repository
from kova.shared.retry import is_passing

_LOG = logging.getLogger("kova.scan")
_MOST_COUNTED: Final = 100
# So often people may close pull requests while fixes are offered.
_MOST_ROUNDS: Final = 3
_ARCHIVED: Final = "The repository is archived, and takes no branches."


@dataclass(frozen=True, kw_only=True)
class OfferedFixes:
    """The outcome of every fix.

    Attributes:
        fixes: every fix that was tried.
        refusal: why GitHub takes no pull request of the proved ones.
        publishable: how many proved ones are in no pull request, and may be.
    """

    fixes: tuple[ProvedFix, ...] = ()
    refusal: str | None = None
    publishable: int = 0


class OfferFixes:
    """Proves and publishes the fixes of a scan; what people ignore is never mended."""

    def __init__(
        self,
        *,
        commit_analysis: AnalyzeCommit,
        propose: ProposeFixes,
        proofs: ProofCache,
        fixes: FixStore,
        heads: FindHead,
        publish: PublishScan,
        follow: FollowPullRequests,
        pulls: HoldPulls,
        meter: Meter,
    ) -> None:
        self._commit_analysis = commit_analysis
        self._propose = propose
        self._proofs = proofs
        self._fixes = fixes
        self._heads = heads
        self._publish = publish
        self._follow = follow
        self._pulls = pulls
        self._meter = meter

    async def offer(
        self,
        repository: Repository,
        claim: ClaimedScan,
        analysis: CommitAnalysis,
        change: LifecycleChange,
        folder: Path,
        *,
        is_vital: bool = False,
    ) -> OfferedFixes:
        """Return the outcome of every fix, those that were proved by an earlier scan among them.

        A change that people have closed is not offered again, and a pull request is closed when
        none of its errors is left.

        Raises:
            BusyError: another worker changes the pull requests with this repository's fixes.
            UnavailableError: GitHub or the database does not answer.
            StaleHeadError: GitHub shows the branch as it was before a push.
            GitHubRefusedError: what is vital is refused, and may not be in a moment.
            NotFoundError: as that.
        """
        for rounds in range(1, _MOST_ROUNDS + 1):
            may_repeat = rounds < _MOST_ROUNDS
            offered = await self._offer(
                repository,
                claim,
                analysis,
                change,
                folder,
                is_vital=is_vital,
                may_repeat=may_repeat,
            )
            if offered is not None:
                break
        assert offered is not None
        return offered

    async def _offer(
        self,
        repository: Repository,
        claim: ClaimedScan,
        analysis: CommitAnalysis,
        change: LifecycleChange,
        folder: Path,
        *,
        is_vital: bool,
        may_repeat: bool,
    ) -> OfferedFixes | None:
        """Return the outcome; None where people have closed some of it meanwhile."""
        async with self._pulls.hold(repository.id):
            declined_ids = await self._follow.follow(repository, is_vital=is_vital)
        declined = {
            fingerprint
            for fingerprint, error_id in change.error_ids.items()
            if error_id in declined_ids
        }
        files = await self._prove(analysis, change.finding_status.ignored | declined, folder)
        async with self._pulls.hold(repository.id):
            return await self._offer_proved(
                repository,
                claim,
                analysis.request,
                change,
                files,
                is_vital=is_vital,
                may_repeat=may_repeat,
            )

    async def _offer_proved(
        self,
        repository: Repository,
        claim: ClaimedScan,
        request: CommitRequest,
        change: LifecycleChange,
        files: Sequence[FileFixes],
        *,
        is_vital: bool,
        may_repeat: bool,
    ) -> OfferedFixes | None:
        """Record the proved fixes and offer them; None where people have closed some meanwhile."""
        fixes = tuple(fix for file in files for fix in file.fixes)
        is_current = await self._fixes.save(
            claim.id, fixes, change.error_ids, generation=change.generation
        )
        if not is_current:
            # A newer scan has changed the errors meanwhile, and offers its own.
            return OfferedFixes(fixes=fixes)
        offered = self._publish.select_offerable(repository, files, request.settings)
        if repository.archived:
            return OfferedFixes(fixes=fixes, refusal=_ARCHIVED if offered else None)
        refusal = None
        try:
            await self._publish_together(repository, request.commit_sha, offered, change)
        except (GitHubRefusedError, RepositoryNotFoundError) as exc:
            if is_vital and is_passing(exc):
                raise
            if may_repeat and exc.data.get("refusal") == "declined":
                await self._record_closed(repository, exc, offered, change)
                return None
            # The errors are found and recorded: a branch that may not be written costs no scan.
            context = {"repository": repository.full_name, "reason": exc.reason, "error": str(exc)}
            _LOG.warning("the fixes are not offered", extra=context)
            refusal = exc.message
        else:
            await self._follow.withdraw_unneeded(repository, is_vital=is_vital)
        publishable = await self._fixes.publishable(repository.id, _MOST_COUNTED)
        return OfferedFixes(
            fixes=fixes,
            refusal=refusal,
            publishable=sum(not is_protected(fix.path) for fix in publishable),
        )

    async def _publish_together(
        self,
        repository: Repository,
        commit_sha: str,
        files: Sequence[FileFixes],
        change: LifecycleChange,
    ) -> None:
        """Offer the combined fixes in one pull request.

        Where people have committed to its branch, that is theirs from then on: what their pull
        request does not offer goes to a branch of the next name.

        Raises:
            GitHubRefusedError: people have committed to all of them, or GitHub refuses.
            RepositoryNotFoundError: GitHub does not show it.
            StaleHeadError: GitHub shows the branch as it was before a push.
        """
        error = None
        followed = pull_numbers(await self._fixes.offered(repository.id))
        withdrawn = pull_numbers(await self._fixes.withdrawn(repository.id))
        for number in range(1, MOST_BRANCHES + 1):
            try:
                url = await self._publish.publish_pull_request(
                    repository,
                    commit_sha,
                    files,
                    number=number,
                    followed=followed,
                    withdrawn=withdrawn,
                )
            except GitHubRefusedError as exc:
                if exc.data.get("refusal") != "branch_taken":
                    raise
                offered = await self._fixes.offered(repository.id)
                theirs = _errors_of(offered, str(exc.data.get("url")))
                files = [file for file in files if not theirs >= _ids(file, change)]
                error = exc
                continue
            if url is None and files and await self._heads.is_head(repository, commit_sha):
                raise StaleHeadError  # The publisher was told another head, a moment ago.
            if url:
                ids = {error_id for file in files for error_id in _ids(file, change)}
                await self._fixes.mark_published(list(ids), url)
                await self._fixes.settle(repository.id, url, FixStatus.CLOSED, keep=ids)
                if pull_number(url) not in followed:
                    # It may be closed already, by an event that came before it was recorded.
                    await self._follow.follow_page(repository, url)
            return
        if error is not None and files:
            raise error

    async def _record_closed(
        self,
        repository: Repository,
        refusal: GitHubRefusedError | RepositoryNotFoundError,
        files: Sequence[FileFixes],
        change: LifecycleChange,
    ) -> None:
        """Record that people have closed a pull request, also one that nobody had recorded."""
        url, paths = str(refusal.data["url"]), refusal.data["paths"]
        assert isinstance(paths, frozenset)
        ids = {error_id for file in files if file.path in paths for error_id in _ids(file, change)}
        await self._fixes.mark_published(list(ids), url)
        await self._follow.follow_page(repository, url)

    async def _prove(
        self, scanned: CommitAnalysis, ignored: frozenset[str], folder: Path
    ) -> list[FileFixes]:
        """Return the fixes by file in the order of paths: from the cache, else proved now."""
        request, analysis = scanned.request, scanned.without_ignored(ignored)
        ignored_by_path = _by_path(scanned, ignored)
        fixable = {finding.path for finding in analysis.findings if finding.edit is not None}
        files = [file for file in scanned.tree_files if file.path in fixable]
        cached: dict[str, FileFixes] = {}
        if not request.full:
            cached = await self._proofs.load(request.repository_id, files, ignored_by_path)
        missing = fixable - cached.keys()
        fetched = scanned.fetched_paths
        if absent := missing - fetched:
            again = await self._commit_analysis.analyze(
                replace(request, only=frozenset(absent), full=True), folder
            )
            analysis = _with_edits(analysis, again.without_ignored(ignored), absent)
            fetched |= again.fetched_paths
        proved = await asyncio.to_thread(self._propose.propose, folder, analysis, missing & fetched)
        await self._proofs.store(
            request.repository_id,
            proved,
            analysis.blobs,
            (*analysis.findings, *analysis.suppressed),
            ignored_by_path,
        )
        for file in proved.values():
            self._count(file)
        fixes = {**cached, **proved}
        return [fixes[path] for path in sorted(fixes)]

    def _count(self, file: FileFixes) -> None:
        for fix in file.fixes:
            self._meter.count(
                "kova_fixes_total", strategy=fix.strategy.value, outcome=fix.status.value
            )


def _errors_of(offered: Mapping[str, Mapping[str, bool]], url: str) -> set[str]:
    """Return the ids of the errors that a pull request mends, by any of its pages."""
    number = pull_number(url)
    return {error for page in offered if pull_number(page) == number for error in offered[page]}


def _ids(file: FileFixes, change: LifecycleChange) -> set[str]:
    """Return the ids of the errors that a file's combined fixes mend."""
    return {change.error_ids[fix.finding.fingerprint] for fix in file.combined}


def _with_edits(analysis: CommitAnalysis, again: Analysis, paths: Container[str]) -> CommitAnalysis:
    """Return the analysis with the new findings of these files: cached ones have no edits."""
    findings = [finding for finding in analysis.findings if finding.path not in paths]
    suppressed = [finding for finding in analysis.suppressed if finding.path not in paths]
    return replace(
        analysis,
        findings=(*findings, *again.findings),
        suppressed=(*suppressed, *again.suppressed),
    )


def _by_path(analysis: Analysis, fingerprints: frozenset[str]) -> FingerprintsByPath:
    """Return those of the fingerprints that the analysis has findings of, by path."""
    by_path: dict[str, set[str]] = defaultdict(set)
    for finding in analysis.findings:
        if finding.fingerprint in fingerprints:
            by_path[finding.path].add(finding.fingerprint)
    return {path: frozenset(group) for path, group in by_path.items()}
