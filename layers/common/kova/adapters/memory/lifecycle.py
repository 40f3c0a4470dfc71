"""One analysis written over the errors that are known, in memory."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace

from kova.adapters.memory.database import ErrorRow, MemoryDatabase
from kova.adapters.memory.outbox import record_opened_errors
from kova.analysis.analysis import Analysis
from kova.analysis.finding import Finding, Traits
from kova.analysis.fingerprint import next_fingerprint
from kova.errors import lifecycle
from kova.errors.error import ErrorStatus, IgnoreDecision, LifecycleChange
from kova.errors.former_keys import rekey_error, traits_by_former
from kova.errors.lifecycle import ErrorMatches, History, KnownError, ScanEvidence
from kova.errors.ports import AppliedState
from kova.shared.claimed_scan import ClaimedScan

_KOVA = "kova"
_NO_TRAITS = Traits(line="", scope="", window="", match="")


def match_known_errors(
    database: MemoryDatabase,
    repository_id: str,
    commit_sha: str,
    evidence: ScanEvidence,
    history: History,
) -> ErrorMatches:
    """Return which findings of an analysis are errors of the repository that are known."""
    database.check()
    analysis = evidence.analysis
    findings = [*analysis.findings, *analysis.suppressed]
    by_former = traits_by_former(findings)
    live: list[KnownError] = []
    fixed: list[KnownError] = []
    for row in database.errors.values():
        if row.repository_id == repository_id:
            error = rekey_error(_known_error(database, row, commit_sha), by_former)
            (fixed if row.status is ErrorStatus.FIXED else live).append(error)
    matches = lifecycle.match_errors(live, findings, evidence, history)
    paths = {finding.path for finding in lifecycle.doubtful_findings(matches)}
    paths |= {old for old, new in history.moved.items() if new in paths}
    fixed = [error for error in fixed if error.path in paths]
    return (
        lifecycle.match_errors([*live, *fixed], findings, evidence, history) if fixed else matches
    )


def _known_error(database: MemoryDatabase, row: ErrorRow, commit_sha: str) -> KnownError:
    reopened_by = database.scans.get(row.reopened_scan or "")
    reopened_here = reopened_by is not None and reopened_by.scan.commit_sha == commit_sha
    return KnownError(
        id=row.id,
        fingerprint=row.fingerprint,
        analyzer=row.finding.analyzer,
        rule_id=row.finding.rule_id,
        path=row.finding.path,
        line=row.finding.span.start_line,
        column=row.finding.span.start_column,
        traits=row.finding.traits or _NO_TRAITS,
        status=row.status,
        suppressed=row.silenced_by is not None
        and row.ignored is not None
        and row.ignored.by == _KOVA,
        blob_sha=row.blob_sha,
        identity=row.identity,
        introduced=row.introduced_in == commit_sha or reopened_here,
    )


class ApplyInMemory:
    """Applies one analysis; used once."""

    def __init__(
        self,
        database: MemoryDatabase,
        claim: ClaimedScan,
        commit_sha: str,
        analysis: Analysis,
        history: History,
    ) -> None:
        self._database = database
        self._rows = database.errors
        self._claim = claim
        self._commit_sha = commit_sha
        self._analysis = analysis
        self._history = history
        self._evidence = ScanEvidence(analysis)
        self._now = database.now()

    def apply(self) -> LifecycleChange:
        """Recognise the known errors, write what changed, and return the counts."""
        evidence, history = self._evidence, self._history
        matches = match_known_errors(
            self._database, self._claim.repository_id, self._commit_sha, evidence, history
        )
        ids = {finding.fingerprint: error.id for error, finding in matches.pairs}
        for error, finding in matches.pairs:
            self._refresh(error, finding)
        for finding in matches.new_findings:
            if finding.suppressed is None:
                ids[finding.fingerprint] = self._open(finding)
        self._close(lifecycle.fixed_errors(matches, evidence, history))
        self._silence(lifecycle.excluded_errors(matches.known_errors, evidence))
        for error, path in lifecycle.relocated_errors(matches.known_errors, evidence, history):
            row = self._rows[error.id]
            self._rows[error.id] = replace(row, finding=replace(row.finding, path=path))
        self._write_state()
        record_opened_errors(self._database, self._claim.id)
        return self._change(ids, matches)

    def _refresh(self, error: KnownError, finding: Finding) -> None:
        row = self._rows[error.id]
        status, silenced_by = lifecycle.status_when_seen(error, finding)
        ignored = row.ignored if status is ErrorStatus.IGNORED else None
        if silenced_by is not None:
            ignored = IgnoreDecision(reason=silenced_by, by=_KOVA, until=None)
        was_fixed = row.status is ErrorStatus.FIXED
        reopened = was_fixed and not self._history.is_older(finding)
        self._rows[row.id] = replace(
            self._with_finding(row, finding),
            status=status,
            fixed_at=None,
            ignored=ignored,
            silenced_by=silenced_by,
            last_seen_at=self._now,
            reopened_scan=self._claim.id if reopened else row.reopened_scan,
            reopened_count=row.reopened_count + was_fixed,
            reopened_at=self._now if was_fixed else row.reopened_at,
        )

    def _open(self, finding: Finding) -> str:
        counted = not self._history.is_older(finding)
        row = ErrorRow(
            id=str(uuid.uuid4()),
            repository_id=self._claim.repository_id,
            fingerprint=self._free_fingerprint(finding.fingerprint),
            finding=finding,
            status=ErrorStatus.OPEN,
            first_seen_at=self._now,
            last_seen_at=self._now,
            introduced_in=self._commit_sha if counted else None,
            opened_scan=self._claim.id if counted else None,
        )
        self._rows[row.id] = self._with_finding(row, finding)
        return row.id

    def _close(self, errors: Sequence[KnownError]) -> None:
        for error in errors:
            self._rows[error.id] = replace(
                self._rows[error.id],
                status=ErrorStatus.FIXED,
                fixed_at=self._now,
                fixed_scan=self._claim.id,
            )

    def _silence(self, errors: Sequence[KnownError]) -> None:
        for error in errors:
            self._rows[error.id] = replace(
                self._rows[error.id],
                status=ErrorStatus.IGNORED,
                ignored=IgnoreDecision(reason="settings", by=_KOVA, until=None),
                silenced_by="settings",
            )

    def _write_state(self) -> None:
        repository_id = self._claim.repository_id
        state = self._database.states.get(repository_id)
        identities = {coverage.name: coverage.identity for coverage in self._analysis.coverage}
        # Imported results, which hold no lease, are about the state that is there.
        self._database.states[repository_id] = AppliedState(
            commit_sha=self._commit_sha,
            identities={**(state.identities if state else {}), **identities},
            generation=(state.generation if state else 0) + bool(self._claim.lease),
        )

    def _change(self, ids: dict[str, str], matches: ErrorMatches) -> LifecycleChange:
        """Count by scan: an earlier attempt of the same one may have written already."""
        scan_id, rows = self._claim.id, self._rows.values()
        return LifecycleChange(
            new=sum(row.opened_scan == scan_id for row in rows),
            fixed=sum(
                row.fixed_scan == scan_id and row.status is ErrorStatus.FIXED for row in rows
            ),
            reopened=sum(row.reopened_scan == scan_id for row in rows),
            error_ids=ids,
            finding_status=lifecycle.finding_status(matches, self._history, reopens=True),
            generation=self._database.states[self._claim.repository_id].generation,
        )

    def _with_finding(self, row: ErrorRow, finding: Finding) -> ErrorRow:
        coverage = self._evidence.coverage.get(finding.analyzer)
        return replace(
            row,
            finding=finding,
            blob_sha=self._evidence.blob(finding.path),
            identity=coverage.identity if coverage else None,
        )

    def _free_fingerprint(self, fingerprint: str) -> str:
        """Return the public fingerprint of a new error: its own one, unless that is taken."""
        used = {
            row.fingerprint
            for row in self._rows.values()
            if row.repository_id == self._claim.repository_id
        }
        name, attempt = fingerprint, 0
        while name in used:
            attempt += 1
            name = next_fingerprint(fingerprint, attempt)
        return name
