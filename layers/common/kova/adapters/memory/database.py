"""The rows that the twins of the Postgres stores share, as their tables do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from kova.analysis.finding import Finding
from kova.errors.error import ErrorStatus, IgnoreDecision
from kova.errors.ports import AppliedState
from kova.fixes.fix import Fix
from kova.scans.scan import Scan
from kova.shared.audit import AuditEvent, AuditRecord
from kova.shared.exceptions import DatabaseUnavailableError
from kova.shared.page import Page, PageRequest, Position
from kova.shared.repository import Repository

Item = TypeVar("Item")
_TICK: Final = timedelta(microseconds=1)
_NO_TIME: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class ScanRow:
    """A scan with the lease of the worker that works on it."""

    scan: Scan
    repository_id: str
    dedupe_key: str
    lease: str | None = None
    lease_until: datetime | None = None


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


@dataclass(frozen=True, kw_only=True)
class CacheRow:
    """A cached payload and when it was stored or last used."""

    payload: bytes | None
    used_at: datetime


@dataclass(kw_only=True)
class MemoryDatabase:
    """All rows by id. `available` may be set to False: then every store says so.

    `clock` is the time; no two moments of one database are equal, so that lists have an order.
    """

    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    available: bool = True
    repositories: dict[str, Repository] = field(default_factory=dict)
    scans: dict[str, ScanRow] = field(default_factory=dict)
    errors: dict[str, ErrorRow] = field(default_factory=dict)
    states: dict[str, AppliedState] = field(default_factory=dict)
    fixes: dict[str, Fix] = field(default_factory=dict)
    audit: dict[str, AuditRecord] = field(default_factory=dict)
    deliveries: dict[str, str | None] = field(default_factory=dict)
    cache: dict[tuple[str, bytes], CacheRow] = field(default_factory=dict)
    _latest: datetime = _NO_TIME

    def now(self) -> datetime:
        """Return the time of a transaction, later than that of the one before.

        Raises:
            DatabaseUnavailableError: the database is not available.
        """
        self.check()
        self._latest = max(self.clock(), self._latest + _TICK)
        return self._latest

    def check(self) -> None:
        """Do nothing where the database is available.

        Raises:
            DatabaseUnavailableError: it is not.
        """
        if not self.available:
            raise DatabaseUnavailableError

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


def page_of(
    rows: Iterable[Item], request: PageRequest, position: Callable[[Item], Position]
) -> Page[Item]:
    """Return a page of the rows, newest first; ties are broken by id."""
    ordered = sorted(rows, key=lambda row: _key(position(row)), reverse=True)
    if request.after is not None:
        after = _key(request.after)
        ordered = [row for row in ordered if _key(position(row)) < after]
    shown = tuple(ordered[: request.limit])
    return Page(items=shown, next=position(shown[-1]) if len(ordered) > request.limit else None)


def _key(position: Position) -> tuple[datetime, str]:
    return position.at, position.id
