"""What is remembered. The Postgres adapter implements all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from kova.analysis.analysis import Analysis
from kova.analysis.finding import Finding
from kova.domain.error import (
    ErrorRecord,
    ErrorStatus,
    Ignored,
    LifecycleChange,
    RuleCount,
    Standing,
)
from kova.domain.fix import Fix, FixStatus, ProvedFix
from kova.domain.lifecycle import History
from kova.domain.scan import Scan, ScanStats, ScanStatus, ScanTarget
from kova.shared.claimed_scan import ClaimedScan
from kova.shared.page import Page, PageRequest
from kova.shared.severity import Severity
from kova.shared.skipped import Skipped


@dataclass(frozen=True, kw_only=True)
class ErrorFilter:
    """Which errors to list; None means any."""

    repository: str | None = None
    status: ErrorStatus | None = None
    severity: Severity | None = None
    analyzer: str | None = None
    rule: str | None = None
    path: str | None = None


@dataclass(frozen=True, kw_only=True)
class AppliedState:
    """The last scan that changed a repository's errors: its commit, and analysers by name."""

    commit_sha: str | None
    identities: dict[str, str]


class ScanStore(Protocol):
    """Scans and who has them in hand."""

    async def create(self, target: ScanTarget, repository_id: str) -> Scan:
        """Record a queued scan; the same target again returns the first one."""

    async def claim(self, scan_id: str, lease: timedelta) -> ClaimedScan | None:
        """Take the scan in hand. None when it is finished already.

        Raises:
            BusyError: another worker has this scan, or another scan of the same commit, in hand.
        """

    async def renew(self, claim: ClaimedScan, lease: timedelta) -> bool:
        """Keep it in hand; False when it was lost to another worker."""

    async def resolve(self, scan_id: str, ref: str, commit_sha: str) -> None:
        """Note the commit that a scan without one turned out to be about."""

    async def release(self, claim: ClaimedScan) -> None:
        """Let it go unfinished, for the next attempt."""

    async def finish(
        self,
        claim: ClaimedScan,
        status: ScanStatus,
        *,
        stats: ScanStats,
        skipped: Sequence[Skipped],
        coverage: Mapping[str, Any] | None = None,
        failure: str | None = None,
        check_run_url: str | None = None,
    ) -> bool:
        """End the scan; False when the claim was lost."""

    async def fail(self, scan_id: str, failure: str) -> None:
        """End a scan that nobody will try again."""

    async def get(self, scan_id: str) -> Scan | None:
        """Find one by id."""

    async def page(self, request: PageRequest, repository: str | None) -> Page[Scan]:
        """List, newest first."""


class ErrorStore(Protocol):
    """Errors and their life."""

    async def state(self, repository_id: str) -> AppliedState | None:
        """The last scan that changed the repository's errors, if there was one."""

    async def live_paths(self, repository_id: str) -> frozenset[str]:
        """The files that have open or ignored errors."""

    async def apply(
        self,
        claim: ClaimedScan,
        commit_sha: str,
        analysis: Analysis,
        history: History | None = None,
    ) -> LifecycleChange:
        """Recognise what is known, open what is new, close what is gone (domain/lifecycle.py).

        In one transaction; applying the same analysis again changes nothing, and still counts
        what the scan's first attempt changed.
        """

    async def standing(self, repository_id: str, commit_sha: str, analysis: Analysis) -> Standing:
        """Say what the findings of a commit are to the errors, and change nothing."""

    async def get(self, error_id: str) -> ErrorRecord | None:
        """Find one by id."""

    async def page(self, request: PageRequest, filters: ErrorFilter) -> Page[ErrorRecord]:
        """List, newest first."""

    async def rules(self, repository: str) -> list[RuleCount]:
        """The rules of a repository's open and ignored errors, those with most open ones first."""

    async def ignore(self, error_id: str, ignored: Ignored) -> ErrorRecord | None:
        """Ignore an open error and note it; a fixed one stays fixed. None: no such error.

        Doing it again with the same words changes and notes nothing.
        """

    async def open(self, error_id: str, actor: str) -> ErrorRecord | None:
        """Open an ignored error and note it; another stays as it is. None: no such error."""

    async def expire(self) -> int:
        """Open the errors whose time of being ignored is over; return how many."""

    async def of_scan(self, scan_id: str) -> list[Finding]:
        """The open findings of the scan's repository, the most severe first, for export."""


class FixStore(Protocol):
    """Fixes and their proofs."""

    async def save(
        self, scan_id: str, fixes: Sequence[ProvedFix], error_ids: dict[str, str]
    ) -> None:
        """Record the outcome of each fix, one row an error; a better outcome replaces a worse."""

    async def published(self, error_ids: Sequence[str], url: str) -> None:
        """Note the pull request that offers these errors' fixes."""

    async def get(self, fix_id: str) -> Fix | None:
        """Find one by id."""

    async def page(
        self, request: PageRequest, repository: str | None, status: FixStatus | None
    ) -> Page[Fix]:
        """List, newest first."""


class DeliveryStore(Protocol):
    """Webhook deliveries whose work is done."""

    async def remember(self, delivery: str, event: str, scan_id: str | None) -> None:
        """Record the delivery as handled, once."""

    async def scan_of(self, delivery: str) -> str | None:
        """The scan that an earlier attempt at this delivery began."""
