"""Errors and their life in memory."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from kova.adapters.memory.database import ErrorRow, MemoryDatabase
from kova.adapters.memory.lifecycle import ApplyInMemory, match_known_errors
from kova.adapters.memory.pages import newest_first
from kova.analysis.analysis import Analysis
from kova.analysis.finding import Finding
from kova.errors import lifecycle
from kova.errors.error import (
    ErrorRecord,
    ErrorStatus,
    FindingStatus,
    FixReference,
    IgnoreDecision,
    IgnoredTogether,
    LifecycleChange,
    RefusedIgnore,
    RuleCount,
)
from kova.errors.lifecycle import History, ScanEvidence
from kova.errors.ports import AppliedState, ErrorFilter
from kova.shared.audit import Action, AuditEvent
from kova.shared.claimed_scan import ClaimedScan
from kova.shared.exceptions import ConflictError, GenerationMovedError
from kova.shared.page import Page, PageRequest, Position
from kova.shared.reach import Reach


class MemoryErrorStore:
    """Implements errors.ports.ErrorStore."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def state(self, repository_id: str) -> AppliedState | None:
        """Return the last scan that changed the repository's errors, if there was one."""
        self._database.check()
        return self._database.states.get(repository_id)

    async def has_opened(self, scan_id: str) -> bool:
        """Return whether a scan opened errors, or opened some again."""
        self._database.check()
        rows = self._database.errors.values()
        return any(scan_id in {row.opened_scan, row.reopened_scan} for row in rows)

    async def live_paths(self, repository_id: str) -> frozenset[str]:
        """Return the files that have open or ignored errors."""
        return frozenset(row.finding.path for row in self._live_rows(repository_id))

    async def apply(
        self,
        claim: ClaimedScan,
        commit_sha: str,
        analysis: Analysis,
        history: History | None = None,
        *,
        generation: int | None = None,
    ) -> LifecycleChange:
        """Recognise what is known, open what is new, close what is gone."""
        state = self._database.states.get(claim.repository_id)
        if generation not in {None, state.generation if state else 0}:
            raise GenerationMovedError
        row = self._database.scans.get(claim.id)
        if claim.lease and (row is None or row.lease != claim.lease):
            raise ConflictError("Another worker took the scan over.")
        return ApplyInMemory(
            self._database, claim, commit_sha, analysis, history or History()
        ).apply()

    async def finding_status(
        self, repository_id: str, commit_sha: str, analysis: Analysis
    ) -> FindingStatus:
        """Return which findings of a commit are new and which are ignored; change nothing."""
        history = History()
        matches = match_known_errors(
            self._database, repository_id, commit_sha, ScanEvidence(analysis), history
        )
        return lifecycle.finding_status(matches, history, reopens=False)

    async def get(self, error_id: str, reach: Reach) -> ErrorRecord | None:
        """Return an error by id; None outside of the reach."""
        self._database.check()
        row = self._reached(error_id, reach)
        return self._record(row) if row else None

    async def page(
        self, request: PageRequest, filters: ErrorFilter, reach: Reach
    ) -> Page[ErrorRecord]:
        """List those in the reach, newest first."""
        return newest_first(
            self._records(filters, reach),
            request,
            lambda record: Position(at=record.first_seen_at, id=record.id),
        )

    async def count(self, filters: ErrorFilter, reach: Reach, limit: int) -> int:
        """Return how many there are in the reach; `limit` stands for as many and more."""
        return min(len(self._records(filters, reach)), limit)

    async def rules(self, full_name: str) -> list[RuleCount]:
        """Return the rules of open and ignored errors, those with most open ones first."""
        repository = self._database.find_repository(full_name)
        counts: dict[tuple[str, str], int] = defaultdict(int)
        for row in self._live_rows(repository.id if repository else ""):
            counts[row.finding.analyzer, row.finding.rule_id] += row.status is ErrorStatus.OPEN
        return [
            RuleCount(analyzer=analyzer, rule_id=rule_id, open=number)
            for (analyzer, rule_id), number in sorted(
                counts.items(), key=lambda count: (-count[1], count[0])
            )
        ]

    async def ignore(
        self, error_id: str, decision: IgnoreDecision, reach: Reach
    ) -> ErrorRecord | None:
        """Ignore an error that is not fixed, and record that where it changes something."""
        self._database.check()
        row = self._reached(error_id, reach)
        if (
            row is not None
            and row.status is not ErrorStatus.FIXED
            and (row.status, row.ignored) != (ErrorStatus.IGNORED, decision)
        ):
            until = decision.until.isoformat() if decision.until else None
            self._write(replace(row, status=ErrorStatus.IGNORED, ignored=decision))
            self._record_event(
                AuditEvent(
                    actor=decision.by,
                    action=Action.ERROR_IGNORED,
                    target=error_id,
                    detail={"reason": decision.reason, "until": until},
                )
            )
        return await self.get(error_id, reach)

    async def ignore_together(
        self, error_ids: Sequence[str], decision: IgnoreDecision, reach: Reach
    ) -> IgnoredTogether:
        """Ignore all of them, or none."""
        self._database.check()
        by_id = {error_id: await self.get(error_id, reach) for error_id in error_ids}
        refused = tuple(
            RefusedIgnore(error_id=error_id, error=error)
            for error_id, error in by_id.items()
            if error is None or error.status is ErrorStatus.FIXED
        )
        if refused:
            return IgnoredTogether(refused=refused)
        ignored = [await self.ignore(error_id, decision, reach) for error_id in by_id]
        return IgnoredTogether(errors=tuple(error for error in ignored if error is not None))

    async def open(self, error_id: str, actor: str, reach: Reach) -> ErrorRecord | None:
        """Open an ignored error and record that; others stay as they are."""
        self._database.check()
        row = self._reached(error_id, reach)
        if row is not None and row.status is ErrorStatus.IGNORED:
            self._write(replace(row, status=ErrorStatus.OPEN, ignored=None))
            self._record_event(AuditEvent(actor=actor, action=Action.ERROR_OPENED, target=error_id))
        return await self.get(error_id, reach)

    async def expire(self) -> int:
        """Open the errors that are no longer ignored, by their dates; return how many."""
        now = self._database.now()
        expired = [
            row
            for row in self._database.errors.values()
            if row.ignored is not None and row.ignored.until is not None
            if row.ignored.until <= now
        ]
        for row in expired:
            self._write(replace(row, status=ErrorStatus.OPEN, ignored=None))
        return len(expired)

    async def of_scan(self, scan_id: str, limit: int, reach: Reach) -> list[Finding]:
        """Return the open findings of the scan's repository, the most severe first."""
        self._database.check()
        scan = self._database.scans.get(scan_id)
        rows = self._live_rows(scan.repository_id) if scan else []
        rows = [
            row
            for row in rows
            if row.status is ErrorStatus.OPEN and self._reached(row.id, reach) is not None
        ]
        rows.sort(
            key=lambda row: (
                row.finding.severity.rank,
                row.finding.path,
                row.finding.span.start_line,
                row.id,
            )
        )
        return [_stored_finding(row) for row in rows[:limit]]

    def _records(self, filters: ErrorFilter, reach: Reach) -> list[ErrorRecord]:
        self._database.check()
        records = [self._record(row) for row in self._database.errors.values()]
        return [
            record
            for record in records
            if _is_named(record, filters) and reach.covers(record.repository)
        ]

    def _reached(self, error_id: str, reach: Reach) -> ErrorRow | None:
        row = self._database.errors.get(error_id)
        if row is None or not reach.covers(
            self._database.repositories[row.repository_id].full_name
        ):
            return None
        return row

    def _live_rows(self, repository_id: str) -> list[ErrorRow]:
        self._database.check()
        return [
            row
            for row in self._database.errors.values()
            if row.repository_id == repository_id and row.status is not ErrorStatus.FIXED
        ]

    def _write(self, row: ErrorRow) -> None:
        self._database.errors[row.id] = row

    def _record_event(self, event: AuditEvent) -> None:
        self._database.record_event(event, str(uuid.uuid4()))

    def _record(self, row: ErrorRow) -> ErrorRecord:
        fixes = self._database.fixes.values()
        fix = next((fix for fix in fixes if fix.error_id == row.id), None)
        return ErrorRecord(
            id=row.id,
            repository=self._database.repositories[row.repository_id].full_name,
            finding=_stored_finding(row),
            status=row.status,
            first_seen_at=row.first_seen_at,
            last_seen_at=row.last_seen_at,
            fixed_at=row.fixed_at,
            introduced_in=row.introduced_in,
            fix=FixReference(
                id=fix.id, status=fix.status.value, pull_request_url=fix.pull_request_url
            )
            if fix
            else None,
            ignored=row.ignored,
        )


def _stored_finding(row: ErrorRow) -> Finding:
    """Return what is stored of the error's finding: neither traits nor an edit are shown."""
    return replace(
        row.finding,
        fingerprint=row.fingerprint,
        match=None,
        former_matches=(),
        traits=None,
        suppressed=None,
        edit=None,
    )


def _is_named(record: ErrorRecord, filters: ErrorFilter) -> bool:
    """Tell whether an error is one of those that are to be listed."""
    finding, name = record.finding, filters.repository
    pairs = (
        (name.lower() if name is not None else None, record.repository.lower()),
        (filters.status, record.status),
        (filters.severity, finding.severity),
        (filters.analyzer, finding.analyzer),
        (filters.rule, finding.rule_id),
        (filters.path, finding.path),
    )
    return all(filter_value in {None, value} for filter_value, value in pairs)
