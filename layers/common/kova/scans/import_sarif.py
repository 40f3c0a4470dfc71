"""Import another tool's SARIF, so that its results join the same life of errors."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from kova.analysis.analysis import Analysis, AnalyzerCoverage, split_suppressed
from kova.errors.error import LifecycleChange
from kova.errors.lifecycle import History
from kova.errors.ports import AppliedState
from kova.scans.ports import Stores
from kova.scans.sarif_import import ImportedRun, parse_sarif
from kova.scans.scan import Scan, ScanStatus, Trigger
from kova.shared.claimed_scan import ClaimedScan
from kova.shared.exceptions import ConflictError, GenerationMovedError, NotFoundError
from kova.shared.reach import Reach

_OTHER_COMMIT: Final = "Another commit is the last one scanned: send results for that."


@dataclass(frozen=True, kw_only=True)
class ImportedTool:
    """How many of one tool's results were used. `analyzer` is the name that its errors carry."""

    analyzer: str
    version: str
    accepted: int
    refused: Mapping[str, int]
    finished: bool
    complete: bool
    """False where a result could not be used or the tool failed: then none of its errors closes."""


@dataclass(frozen=True, kw_only=True)
class ImportedSarif:
    """The scan that a log was applied to, and what that changed."""

    scan: Scan
    tools: tuple[ImportedTool, ...]
    change: LifecycleChange


class ImportSarif:
    """POST /api/scans/{id}/sarif."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    async def import_log(
        self, scan_id: str, body: bytes, reach: Reach, *, checkout_uri: str | None = None
    ) -> ImportedSarif:
        """Apply a log about the commit of a scan; the same log again changes nothing.

        Args:
            scan_id: the scan.
            body: the log.
            reach: the repositories that the caller may see.
            checkout_uri: where the repository was on the machine that the tools ran on.

        Raises:
            NotFoundError: there is no such scan in the reach.
            ConflictError: the scan has not ended well, is a pull request's, or is not the last
                one of its default branch: errors are the state of that commit.
            InvalidInputError: the body is not SARIF 2.1.0 within the limits.
        """
        scan = await self._stores.scans.get(scan_id, reach)
        if scan is None:
            raise NotFoundError("There is no such scan.")
        if scan.status is not ScanStatus.SUCCEEDED or scan.trigger is Trigger.PULL_REQUEST:
            raise ConflictError("Only a branch's scan that succeeded takes results.")
        checkouts = () if checkout_uri is None else (checkout_uri,)
        runs = await asyncio.to_thread(parse_sarif, body, checkouts)
        repository = await self._stores.repositories.get(scan.repository, reach)
        state = await self._stores.errors.state(repository.id) if repository else None
        commit_sha = scan.commit_sha
        if repository is None or state is None or commit_sha is None:
            raise ConflictError("No commit of the default branch was scanned to its end.")
        if state.commit_sha != commit_sha:
            raise ConflictError(_OTHER_COMMIT)
        runs = [run if _is_foreign(run, state) else run.separate() for run in runs]
        digest = hashlib.sha256(body).hexdigest()
        claim = ClaimedScan(
            # Not the scan's own id: what the log changes is counted by itself, also when repeated.
            id=str(uuid.uuid5(uuid.UUID(scan.id), digest)),
            repository_id=repository.id,
            lease="",
            started_at=datetime.now(UTC),
        )
        live_paths = await self._stores.errors.live_paths(repository.id)
        # A tool whose results could not be placed leaves no trace: it is not even known here.
        useful = [run for run in runs if not run.is_void]
        analysis = _analysis(useful, commit_sha, live_paths)
        history = _history(analysis, state)
        try:
            change = await self._stores.errors.apply(
                claim, commit_sha, analysis, history, generation=state.generation
            )
        except GenerationMovedError as exc:
            raise ConflictError(_OTHER_COMMIT) from exc
        return ImportedSarif(scan=scan, tools=tuple(_tool(run) for run in runs), change=change)


def _is_foreign(run: ImportedRun, state: AppliedState) -> bool:
    """Tell whether no analyser of Kova's own has the tool's name."""
    identity = state.identities.get(run.tool)
    return identity is None or identity.startswith("sarif ")


def _analysis(runs: list[ImportedRun], commit_sha: str, live_paths: frozenset[str]) -> Analysis:
    """Return the runs as an analysis by their tools alone.

    No file's blob is known here: the commit stands for it, so that a tool's new version closes
    nothing in the same commit.
    """
    reported, suppressed = split_suppressed(finding for run in runs for finding in run.findings)
    paths = {finding.path for finding in (*reported, *suppressed)}
    return Analysis(
        findings=reported,
        suppressed=suppressed,
        coverage=tuple(
            AnalyzerCoverage(
                name=run.tool,
                identity=run.identity,
                paths=run.paths if run.complete else frozenset(),
            )
            for run in runs
        ),
        blobs=dict.fromkeys(live_paths | paths, commit_sha),
    )


def _history(analysis: Analysis, state: AppliedState) -> History:
    upgraded = frozenset(
        coverage.name
        for coverage in analysis.coverage
        if state.identities.get(coverage.name) != coverage.identity
    )
    return History(upgraded=upgraded, unchanged=frozenset(analysis.blobs))


def _tool(run: ImportedRun) -> ImportedTool:
    return ImportedTool(
        analyzer=run.tool,
        version=run.version,
        accepted=len(run.findings),
        refused=run.refused,
        finished=run.finished,
        complete=run.complete,
    )
