"""The outbox of the twins: notices, written together with what they are about."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from kova.errors.error import ErrorStatus
from kova.fixes.fix import Fix, FixStatus
from kova.notifications.notice import TOLD_FROM, Notice, NoticeKind
from kova.scans.scan import Scan, ScanStatus, Trigger

if TYPE_CHECKING:
    from kova.adapters.memory.database import ErrorRow, MemoryDatabase
    from kova.shared.severity import Severity


@dataclass(frozen=True, kw_only=True)
class NoticeRow:
    """A notice as it is stored; the repository's rules are looked up when it is read."""

    notice: Notice
    repository_id: str | None
    is_routed: bool = False


@dataclass(kw_only=True)
class MemoryOutbox:
    """Notices by their dedupe key, in the order of their recording."""

    rows: dict[str, NoticeRow] = field(default_factory=dict)

    def record(
        self,
        key: str,
        kind: NoticeKind,
        *,
        subject: str,
        thread_key: str,
        group_key: str,
        created_at: datetime,
        repository_id: str | None = None,
        severity: Severity | None = None,
        facts: Mapping[str, str] | None = None,
    ) -> bool:
        """Record a notice unless there is one with this key; tell whether it is new."""
        if key in self.rows:
            return False
        notice = Notice(
            id=str(uuid.uuid4()),
            kind=kind,
            subject=subject,
            thread_key=thread_key,
            group_key=group_key,
            created_at=created_at,
            severity=severity,
            facts=dict(facts or {}),
        )
        self.rows[key] = NoticeRow(notice=notice, repository_id=repository_id)
        return True

    def mark_routed(self, keys: Iterable[str]) -> None:
        """Note that the messages of these notices are planned."""
        for key in keys:
            self.rows[key] = replace(self.rows[key], is_routed=True)

    def has_group(self, group_key: str, kind: NoticeKind) -> bool:
        """Tell whether there is a notice of this group and kind."""
        return any(
            (row.notice.group_key, row.notice.kind) == (group_key, kind)
            for row in self.rows.values()
        )


def record_opened_errors(database: MemoryDatabase, scan_id: str) -> None:
    """Record the severe errors that a scan opened, or opened again."""
    rows = [
        row
        for row in database.errors.values()
        if scan_id in {row.opened_scan, row.reopened_scan}
        and row.status is ErrorStatus.OPEN
        and row.finding.severity.at_least(TOLD_FROM)
    ]
    for row in sorted(rows, key=_rank):
        reopened = row.reopened_scan == scan_id
        database.outbox.record(
            f"error_opened:{row.id}" + (f":{row.reopened_count}" if reopened else ""),
            NoticeKind.ERROR_OPENED,
            subject=row.id,
            thread_key=f"error:{row.id}",
            group_key=f"scan:{scan_id}",
            created_at=database.now(),
            repository_id=row.repository_id,
            severity=row.finding.severity,
        )


def record_ready_fixes(database: MemoryDatabase, scan_id: str, fixes: Iterable[Fix]) -> None:
    """Record the severe errors' fixes that a scan proved."""
    pairs = [(fix, database.errors[fix.error_id]) for fix in fixes]
    for fix, row in sorted(pairs, key=lambda pair: _rank(pair[1])):
        severe = row.finding.severity.at_least(TOLD_FROM)
        if fix.status is FixStatus.VERIFIED and row.status is ErrorStatus.OPEN and severe:
            database.outbox.record(
                f"fix_ready:{fix.id}",
                NoticeKind.FIX_READY,
                subject=fix.id,
                thread_key=f"error:{row.id}",
                group_key=f"scan:{scan_id}",
                created_at=database.now(),
                repository_id=row.repository_id,
                severity=row.finding.severity,
            )


def record_ended_scan(
    database: MemoryDatabase, scan: Scan, repository_id: str, *, checks: bool
) -> None:
    """Record that a scan failed, and where `checks` that its check run says failure."""
    group_key, now = f"scan:{scan.id}", database.now()
    if scan.status is ScanStatus.FAILED:
        database.outbox.record(
            f"scan_failed:{scan.id}:{scan.finished_at}",
            NoticeKind.SCAN_FAILED,
            subject=scan.id,
            thread_key=group_key,
            group_key=group_key,
            created_at=now,
            repository_id=repository_id,
        )
    if checks and not database.outbox.has_group(group_key, NoticeKind.ERROR_OPENED):
        pull = scan.trigger is Trigger.PULL_REQUEST
        about = scan.ref if pull else scan.commit_sha
        database.outbox.record(
            f"checks_failed:{repository_id}:{about}",
            NoticeKind.CHECKS_FAILED,
            subject=scan.id,
            thread_key=f"pull:{repository_id}:{scan.ref}" if pull else group_key,
            group_key=group_key,
            created_at=now,
            repository_id=repository_id,
        )


def _rank(row: ErrorRow) -> tuple[object, ...]:
    return (row.finding.severity.rank, row.finding.path, row.finding.span.start_line, row.id)
