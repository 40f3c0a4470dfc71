"""What a scan needs from outside: its rows, handled deliveries, the queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from kova.analysis.ports import AnalysisCache
    from kova.errors.ports import ErrorStore
    from kova.fixes.ports import FixStore, PullLeases
    from kova.scans.branch_head import Push
    from kova.scans.message import ScanRetry
    from kova.scans.scan import (
        FailureSeries,
        OverdueScan,
        Scan,
        ScanStats,
        ScanStatus,
        ScanTarget,
    )
    from kova.scans.summary import ErrorSummary
    from kova.shared.claimed_scan import ClaimedScan
    from kova.shared.code_source import TreeFile
    from kova.shared.page import Page, PageRequest
    from kova.shared.ports import RepositoryStore
    from kova.shared.reach import Reach
    from kova.shared.repository import Repository
    from kova.shared.retry import FailureKind
    from kova.shared.skipped import Skipped


class ScanStore(Protocol):
    """Scans, and the leases of the workers that work on them."""

    async def create(self, target: ScanTarget, repository_id: str) -> Scan:
        """Record a queued scan; the same target again returns the first one."""

    async def claim(
        self,
        scan_id: str,
        lease: timedelta,
        *,
        unreleased: str | None = None,
        alone: bool = True,
        share: int | None = None,
    ) -> ClaimedScan | None:
        """Lease the scan to this worker. None when it is finished already.

        The attempt is counted now, before the work begins; and a death, where the scan is running
        and its lease has ended.

        Args:
            scan_id: the scan.
            lease: how long it is this worker's without a renewal.
            unreleased: the token of a lease whose worker is alive but could not give it back.
            alone: nothing else runs in this worker.
            share: how many scans of the repository may run at once, in all workers; None: any.

        Raises:
            BusyError: another worker has a lease on this scan or another one of the commit, or the
                repository's share is spent.
            SuspectScanError: a worker died of it, perhaps, and this one is not alone.
        """

    async def renew(self, claim: ClaimedScan, lease: timedelta) -> bool:
        """Renew the lease; False when another worker has it."""

    async def resolve(self, scan_id: str, ref: str, commit_sha: str) -> None:
        """Record the commit of a scan that was requested without one."""

    async def count_failure(self, claim: ClaimedScan, kind: FailureKind) -> FailureSeries | None:
        """Count a failed attempt; None when the claim was lost."""

    async def postpone(
        self, claim: ClaimedScan, delay: timedelta, reason: str = ""
    ) -> datetime | None:
        """Give the lease up for an attempt after the delay; return its moment.

        None when the claim was lost.
        """

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
        checks_failed: bool = False,
    ) -> bool:
        """End the scan, and record what people may be told; False when the claim was lost.

        `checks_failed`: the commit's check run says failure.
        """

    async def fail(self, scan_id: str, failure: str) -> None:
        """End a scan that will not be tried again, and record that people may be told."""

    async def skip(self, scan_id: str, reason: str) -> bool:
        """End a scan without an attempt; False where it has ended or a worker has it in hand."""

    async def hold_skipped(self, scan_id: str, lease: timedelta) -> ClaimedScan | None:
        """Keep the commit of a skipped scan for this worker; None where it is skipped no more.

        Raises:
            BusyError: another worker has a lease on this scan or another one of the commit.
        """

    async def release_skipped(self, claim: ClaimedScan, url: str | None) -> None:
        """Give the lease up; `url` is the page of the check run that says why it was skipped."""

    async def get(self, scan_id: str, reach: Reach) -> Scan | None:
        """Return a scan by id; None outside of the reach."""

    async def page(self, request: PageRequest, full_name: str | None, reach: Reach) -> Page[Scan]:
        """List those in the reach, newest first."""


class ScanRecovery(Protocol):
    """Takes scans up again that have failed, or whose message was lost."""

    async def reopen(self, scan_id: str, *, failed_only: bool = True, by_hand: bool = True) -> bool:
        """Queue a scan that has ended, as if it were new; False if it has not.

        Of the workers that died of it one is forgotten, so that it gets an attempt at least.
        `by_hand`: somebody asks for this very commit, and no newer push supersedes it.
        """

    async def defer(self, scan_id: str, delay: timedelta) -> None:
        """Record that a queued scan is looked at again after the delay."""

    async def take_overdue(self, limit: int) -> Sequence[OverdueScan]:
        """Return scans that should have been looked at, each to one caller; count a requeue."""

    async def find_failed(
        self, full_name: str | None, since: datetime | None, limit: int
    ) -> Mapping[str, ScanTarget]:
        """Return what scans that have failed are about, by id, those that failed first first."""

    async def find_target(self, scan_id: str) -> ScanTarget | None:
        """Return what a scan is about; None where there is no such scan."""

    async def find_of_commit(self, repository_id: str, commit_sha: str) -> Sequence[ScanTarget]:
        """Return what the scans of a commit are about, the newest of each branch or pull."""


class PushStore(Protocol):
    """The moves of branches and of pull requests' heads."""

    async def record(self, target: ScanTarget, repository_id: str, scan_id: str) -> None:
        """Record the push that a scan is about, once; nothing where nobody pushed."""

    async def list(self, repository_id: str, ref: str) -> Sequence[Push]:
        """Return the last hundred pushes of a ref, those received last first."""


class SummaryStore(Protocol):
    """Figures about errors, fixes and money."""

    async def summary(self, reach: Reach, *, since: date, until: date) -> ErrorSummary:
        """Sum up some repositories.

        Args:
            reach: the repositories.
            since: the first day (UTC) of the period.
            until: its last day, and the month whose spending is meant.
        """


class DeliveryStore(Protocol):
    """Webhook deliveries whose work is done."""

    async def remember(self, delivery: str, event: str, scan_id: str | None) -> None:
        """Record the delivery as handled, once."""

    async def scan_of(self, delivery: str) -> str | None:
        """The id of the scan that an earlier attempt at this delivery began."""


class ScanQueue(Protocol):
    """The queue of scans."""

    def send(self, target: ScanTarget, retry: ScanRetry | None = None) -> None:
        """Accept a scan durably; without `retry` somebody wishes it now.

        Raises:
            QueueUnavailableError: it was not accepted.
        """

    def ping(self) -> None:
        """Raise QueueUnavailableError when the queue does not answer."""


class CodeIndexer(Protocol):
    """Fills the code index after a scan; it never fails the scan."""

    async def index(
        self, repository: Repository, target: ScanTarget, folder: Path, files: Sequence[TreeFile]
    ) -> None:
        """Index a commit's files, when it is the default branch's.

        Args:
            repository: whose files they are.
            target: the scan; its commit is known.
            folder: the files that the scan had to fetch.
            files: all files that were scanned.
        """


@dataclass(frozen=True, kw_only=True)
class Stores:
    """All stores that a scan writes to."""

    repositories: RepositoryStore
    scans: ScanStore
    recovery: ScanRecovery
    pushes: PushStore
    errors: ErrorStore
    fixes: FixStore
    pull_leases: PullLeases
    deliveries: DeliveryStore
    cache: AnalysisCache
