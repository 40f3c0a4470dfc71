"""The rows that the twins of the Postgres stores share, as their tables do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from kova.adapters.memory.availability import Switchable
from kova.adapters.memory.clock import Clock
from kova.adapters.memory.outbox import MemoryOutbox
from kova.adapters.memory.pushes import PushRow
from kova.analysis.finding import Finding
from kova.errors.error import ErrorStatus, IgnoreDecision
from kova.errors.ports import AppliedState
from kova.fixes.fix import Fix, FixStatus
from kova.scans.scan import Scan, ScanTarget
from kova.shared.audit import AuditEvent, AuditRecord
from kova.shared.repository import Repository
from kova.shared.retry import FailureKind


@dataclass(frozen=True, kw_only=True)
class ScanRow:
    """A scan with the lease of the worker that works on it, and what it fails with.

    `look_at` is when somebody has to look what became of it.
    """

    scan: Scan
    repository_id: str
    dedupe_key: str
    target: ScanTarget
    look_at: datetime
    lease: str | None = None
    lease_until: datetime | None = None
    worker_deaths: int = 0
    failure_kind: FailureKind | None = None
    failures: int = 0
    failing_since: datetime | None = None
    requeues: int = 0


@dataclass(frozen=True, kw_only=True)
class ErrorRow:
    """An error with all that a scan recognises it by.

    Attributes:
        fingerprint: its public one; the finding's own may be another error's.
        silenced_by: the kind of comment or settings that asked not to report it when it was seen.
        opened_scan: the id of the scan that counted it as new; None where only a tool was new.
    """

    id: str
    repository_id: str
    fingerprint: str
    finding: Finding
    status: ErrorStatus
    first_seen_at: datetime
    last_seen_at: datetime
    fixed_at: datetime | None = None
    introduced_in: str | None = None
    ignored: IgnoreDecision | None = None
    silenced_by: str | None = None
    blob_sha: str | None = None
    identity: str | None = None
    opened_scan: str | None = None
    fixed_scan: str | None = None
    reopened_scan: str | None = None
    reopened_count: int = 0
    reopened_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class CacheRow:
    """A cached payload and when it was stored or last used."""

    payload: bytes | None
    used_at: datetime


@dataclass(kw_only=True)
class MemoryDatabase(Switchable):
    """All rows by id."""

    clock: Clock = field(default_factory=Clock)
    repositories: dict[str, Repository] = field(default_factory=dict)
    scans: dict[str, ScanRow] = field(default_factory=dict)
    pushes: dict[tuple[str, str], PushRow] = field(default_factory=dict)
    errors: dict[str, ErrorRow] = field(default_factory=dict)
    states: dict[str, AppliedState] = field(default_factory=dict)
    fixes: dict[str, Fix] = field(default_factory=dict)
    declined: set[str] = field(default_factory=set)
    settled_at: dict[str, datetime] = field(default_factory=dict)
    merges: Counter[str] = field(default_factory=Counter)
    audit: dict[str, AuditRecord] = field(default_factory=dict)
    deliveries: dict[str, str | None] = field(default_factory=dict)
    cache: dict[tuple[str, bytes], CacheRow] = field(default_factory=dict)
    outbox: MemoryOutbox = field(default_factory=MemoryOutbox)

    def now(self) -> datetime:
        """Return the time of a transaction, later than that of the one before.

        Raises:
            DatabaseUnavailableError: the database is not available.
        """
        self.check()
        return self.clock()

    def count_fixes(self, fixes: Iterable[Fix]) -> Counter[FixStatus]:
        """Count fixes by status, and each time that one was merged before it came back."""
        counts = Counter[FixStatus]()
        for fix in fixes:
            counts[fix.status] += 1
            counts[FixStatus.MERGED] += self.merges[fix.id]
        return +counts

    def find_repository(self, full_name: str) -> Repository | None:
        """Return a repository by name, whatever its letters' case."""
        self.check()
        rows = self.repositories.values()
        return next((row for row in rows if row.full_name.lower() == full_name.lower()), None)

    def record_event(self, event: AuditEvent, identifier: str) -> None:
        """Record an event under an id."""
        self.audit[identifier] = AuditRecord(
            id=identifier,
            actor=event.actor,
            action=event.action,
            target=event.target,
            detail=dict(event.detail),
            created_at=self.now(),
        )
