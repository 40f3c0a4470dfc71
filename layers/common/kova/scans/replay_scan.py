"""Do a scan again step by step and say what each step sees: nothing is written or published."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kova.analysis.analyze_commit import CommitAnalysis
from kova.analysis.finding import Finding
from kova.analysis.ports import AnalysisCache
from kova.errors.ports import ErrorStore
from kova.fixes.propose_fixes import ProposeFixes
from kova.scans.analyze_target import AnalyzeTarget, is_default
from kova.scans.ports import ScanStore
from kova.scans.scan import Scan, ScanTarget, Trigger
from kova.shared.code_source import CodeSource
from kova.shared.exceptions import ConflictError, NotFoundError
from kova.shared.ports import RepositoryStore
from kova.shared.reach import EVERYTHING
from kova.shared.repository import Repository

_PULL_REQUEST_REF: Final = re.compile(r"refs/pull/(\d{1,18})/head")


@dataclass(frozen=True, kw_only=True)
class ReplayStep:
    """One step: its name, and what it saw, a line each."""

    name: str
    lines: tuple[str, ...]


class ReadOnlyCache:
    """Implements AnalysisCache over another one, which it never changes."""

    def __init__(self, cache: AnalysisCache) -> None:
        self._cache = cache

    async def load(self, repository_id: str, keys: Sequence[bytes]) -> dict[bytes, bytes | None]:
        """Return the other cache's entries."""
        return await self._cache.load(repository_id, keys)

    async def store(self, repository_id: str, payloads: Mapping[bytes, bytes | None]) -> None:
        """Keep nothing."""

    async def clean(self, repository_id: str) -> None:
        """Delete nothing."""


class ReplayScan:
    """`kova scans replay`."""

    def __init__(
        self,
        *,
        repositories: RepositoryStore,
        scans: ScanStore,
        errors: ErrorStore,
        source: CodeSource,
        target_analysis: AnalyzeTarget,
        propose: ProposeFixes,
    ) -> None:
        self._repositories = repositories
        self._scans = scans
        self._errors = errors
        self._source = source
        self._target_analysis = target_analysis
        self._propose = propose

    async def replay(
        self, scan_id: str, folder: Path, *, full: bool = False
    ) -> AsyncIterator[ReplayStep]:
        """Yield the steps as they are done.

        Args:
            scan_id: the scan.
            folder: a private folder for the files that have to be fetched.
            full: analyse also what was analysed before.

        Raises:
            NotFoundError: there is no such scan.
            ConflictError: the scan never came to know its commit.
            UnavailableError: GitHub or the database does not answer.
        """
        scan = await self._scans.get(scan_id, EVERYTHING)
        repository = await self._repositories.get(scan.repository, EVERYTHING) if scan else None
        if scan is None or repository is None:
            raise NotFoundError("There is no such scan.")
        if scan.commit_sha is None:
            raise ConflictError("The scan ended before its commit was known: its row says why.")
        yield ReplayStep(name="scan", lines=_describe_scan(scan))
        target = await self._target_of(scan, repository, full=full)
        yield ReplayStep(name="target", lines=_describe_target(target, repository))
        analysis = await self._target_analysis.analyze(repository, target, folder)
        yield ReplayStep(name="files", lines=_describe_files(analysis))
        yield ReplayStep(name="analysers", lines=_describe_analyzers(analysis))
        yield ReplayStep(name="findings", lines=_describe_findings(analysis.findings))
        if not target.is_proposal:
            yield await self._match(repository, analysis)
        yield await self._prove(analysis, folder)

    async def _target_of(self, scan: Scan, repository: Repository, *, full: bool) -> ScanTarget:
        number, base_sha = None, None
        match = _PULL_REQUEST_REF.fullmatch(scan.ref or "")
        if scan.trigger is Trigger.PULL_REQUEST and match is not None:
            number = int(match[1])
            base_sha = (await self._source.pull_request(repository.ref, number)).base_sha
        return ScanTarget(
            repository=repository.full_name,
            trigger=scan.trigger,
            ref=scan.ref,
            commit_sha=scan.commit_sha,
            pull_request=number,
            base_sha=base_sha,
            full=full,
        )

    async def _match(self, repository: Repository, analysis: CommitAnalysis) -> ReplayStep:
        commit_sha = analysis.request.commit_sha
        status = await self._errors.finding_status(repository.id, commit_sha, analysis)
        known = len(analysis.findings) - len(status.introduced) - len(status.ignored)
        return ReplayStep(
            name="matching",
            lines=(
                f"{len(status.introduced)} introduced by this commit",
                f"{len(status.ignored)} ignored by people",
                f"{known} known before",
            ),
        )

    async def _prove(self, analysis: CommitAnalysis, folder: Path) -> ReplayStep:
        files = await asyncio.to_thread(
            self._propose.propose, folder, analysis, analysis.fetched_paths
        )
        fixes = [fix for file in files.values() for fix in file.fixes]
        lines = [
            f"{fix.status} {fix.finding.rule_id} {fix.finding.path}:{fix.finding.span.start_line}"
            + (f" ({fix.rejection})" if fix.rejection else "")
            for fix in fixes
        ]
        return ReplayStep(name="fixes", lines=tuple(lines) or ("none: no fetched file has one",))


def _describe_scan(scan: Scan) -> tuple[str, ...]:
    lines = [
        f"{scan.id} of {scan.repository}",
        f"asked for by {scan.trigger}, created {scan.created_at:%Y-%m-%d %H:%M:%S} UTC",
        f"status {scan.status}" + (f": {scan.failure}" if scan.failure else ""),
    ]
    return tuple(lines)


def _describe_target(target: ScanTarget, repository: Repository) -> tuple[str, ...]:
    about = "the default branch" if is_default(repository, target) else target.ref or "a commit"
    if target.pull_request is not None:
        about = f"pull request {target.pull_request} against {target.base_sha}"
    return (f"commit {target.commit_sha}, {about}",)


def _describe_files(analysis: CommitAnalysis) -> tuple[str, ...]:
    settings = analysis.request.settings
    presence = "found" if settings.present else "absent"
    lines = [
        f"{len(analysis.blobs)} in the tree, {analysis.files} for some analyser",
        f"{len(analysis.cached)} known from earlier scans, {len(analysis.fetched_paths)} fetched",
        f".kova.toml {presence}, {len(analysis.excluded)} files left out by it",
    ]
    lines += [f".kova.toml: {problem}" for problem in settings.problems]
    reasons = Counter(skip.reason for skip in analysis.skipped)
    lines += [f"{count} skipped: {reason}" for reason, count in sorted(reasons.items())]
    return tuple(lines)


def _describe_analyzers(analysis: CommitAnalysis) -> tuple[str, ...]:
    return tuple(
        f"{tool.name} read {len(tool.paths) if tool.paths is not None else 'all'} files"
        f"{'' if tool.name not in analysis.incomplete else ' and did not finish'}: {tool.identity}"
        for tool in analysis.coverage
    )


def _describe_findings(findings: Sequence[Finding]) -> tuple[str, ...]:
    lines = [
        f"{finding.severity} {finding.analyzer} {finding.rule_id}"
        f" {finding.path}:{finding.span.start_line}:{finding.span.start_column} {finding.message}"
        for finding in findings
    ]
    return tuple(lines) or ("none",)
