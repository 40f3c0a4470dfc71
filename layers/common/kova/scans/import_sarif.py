"""Import another tool's SARIF, so that its results join the same life of errors."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from kova.analysis.analysis import Analysis, AnalyzerCoverage
from kova.errors.error import LifecycleChange
from kova.errors.lifecycle import History
from kova.errors.ports import AppliedState
from kova.scans.sarif_import import ImportedRun, parse_sarif
from kova.scans.scan import Scan, ScanStatus, Trigger
from kova.scans.scan_repository import Stores
from kova.shared.claimed_scan import ClaimedScan
from kova.shared.exceptions import ConflictError, NotFoundError


@dataclass(frozen=True, kw_only=True)
class ImportedTool:
    """What became of one tool's results. `analyzer` is the name that its errors carry."""

    analyzer: str
    version: str
    accepted: int
    refused: Mapping[str, int]
    finished: bool


@dataclass(frozen=True, kw_only=True)
class ImportedSarif:
    """What became of a log."""

    scan: Scan
    tools: tuple[ImportedTool, ...]
    change: LifecycleChange


class ImportSarif:
    """POST /api/scans/{id}/sarif."""

    def __init__(self, stores: Stores) -> None:
        """Take the stores."""
        self._stores = stores

    async def run(self, scan_id: str, body: bytes) -> ImportedSarif:
        """Apply a log about the commit of a scan; the same log again changes nothing.

        Raises:
            NotFoundError: there is no such scan.
            ConflictError: the scan has not ended well, is a pull request's, or is not the last
                one of its default branch: errors are the state of that commit.
            InvalidInputError: the body is not SARIF 2.1.0 within the limits.
        """
        scan = await self._stores.scans.get(scan_id)
        if scan is None:
            raise NotFoundError("There is no such scan.")
        if scan.status is not ScanStatus.SUCCEEDED or scan.trigger is Trigger.PULL_REQUEST:
            raise ConflictError("Only a branch's scan that succeeded takes results.")
        runs = await asyncio.to_thread(parse_sarif, body)
        repository = await self._stores.repositories.get(scan.repository)
        state = await self._stores.errors.state(repository.id) if repository else None
        commit_sha = scan.commit_sha
        if repository is None or state is None or commit_sha is None:
            raise ConflictError("No commit of the default branch was scanned to its end.")
        if state.commit_sha != commit_sha:
            raise ConflictError("Another commit is the last one scanned: send results for that.")
        runs = [_own_name(run, state) for run in runs]
        digest = hashlib.sha256(body).hexdigest()
        claim = ClaimedScan(
            # Not the scan's own id: what the log changes is counted by itself, also when repeated.
            id=str(uuid.uuid5(uuid.UUID(scan.id), digest)),
            repository_id=repository.id,
            lease="",
            started_at=datetime.now(UTC),
        )
        known = await self._stores.errors.live_paths(repository.id)
        analysis = _analysis(runs, commit_sha, known)
        history = _history(analysis, state)
        change = await self._stores.errors.apply(claim, commit_sha, analysis, history)
        return ImportedSarif(scan=scan, tools=tuple(_tool(run) for run in runs), change=change)


def _own_name(run: ImportedRun, state: AppliedState) -> ImportedRun:
    """Keep a foreign tool apart from an analyser of Kova's own that has the same name."""
    identity = state.identities.get(run.tool)
    if identity is None or identity.startswith("sarif "):
        return run
    name = f"{run.tool} (sarif)"
    return replace(
        run, tool=name, findings=tuple(replace(one, analyzer=name) for one in run.findings)
    )


def _analysis(runs: list[ImportedRun], commit_sha: str, known: frozenset[str]) -> Analysis:
    """Return the runs as an analysis in which only their own tools say anything.

    No file's blob is known here: the commit stands for it, so that a tool's new version closes
    nothing in the same commit.
    """
    found = [one for run in runs for one in run.findings]
    return Analysis(
        findings=tuple(one for one in found if one.suppressed is None),
        suppressed=tuple(one for one in found if one.suppressed is not None),
        skipped=(),
        files=0,
        analyzed=frozenset(),
        coverage=tuple(
            AnalyzerCoverage(
                name=run.tool,
                identity=run.identity,
                paths=run.paths if run.finished else frozenset(),
            )
            for run in runs
        ),
        blobs=dict.fromkeys(known | {one.path for one in found}, commit_sha),
    )


def _history(analysis: Analysis, state: AppliedState) -> History:
    upgraded = frozenset(
        one.name for one in analysis.coverage if state.identities.get(one.name) != one.identity
    )
    return History(upgraded=upgraded, unchanged=frozenset(analysis.blobs))


def _tool(run: ImportedRun) -> ImportedTool:
    return ImportedTool(
        analyzer=run.tool,
        version=run.version,
        accepted=len(run.findings),
        refused=run.refused,
        finished=run.finished,
    )
