"""Settle what becomes of a scan, and of its message, after an attempt that failed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from kova.scans.exceptions import NotDueError
from kova.scans.failure_text import describe_failure
from kova.scans.message import ScanJob, ScanRetry, encode_scan_job
from kova.scans.ports import ScanStore
from kova.scans.scan import ScanStats, ScanStatus, ScanTarget
from kova.scans.tell_failure import TellFailure
from kova.shared.claimed_scan import ClaimedScan
from kova.shared.exceptions import BusyError, DatabaseUnavailableError, KovaError
from kova.shared.repository import Repository
from kova.shared.retry import GiveUp, Retry, asked_wait, failure_kind, plan_retry
from kova.shared.run_job import JobEnded, Later


class SettleScan:
    """Decides by the table of `kova.shared.retry`, records it, and tells people of the end."""

    def __init__(self, *, scans: ScanStore, tell: TellFailure, now: Callable[[], datetime]) -> None:
        self._scans = scans
        self._tell = tell
        self._now = now

    async def settle(
        self,
        repository: Repository,
        job: ScanJob,
        claim: ClaimedScan,
        error: Exception,
        *,
        duration_ms: int,
    ) -> Later | JobEnded | GiveUp:
        """Return the plan for the message of a scan that is claimed; the claim is given up.

        A later attempt stands in the row before the message is sent, so that a worker that dies
        between the two leaves its own message behind, which knows when it is due.
        """
        try:
            return await self._settle(repository, job, claim, error, duration_ms)
        except DatabaseUnavailableError as exc:
            # The row says nothing of this attempt: so the message does, and names the lease.
            retry = replace(job.retry or ScanRetry(), lease=claim.lease)
            return self.settle_unclaimed(replace(job, retry=retry), exc)

    def settle_unclaimed(self, job: ScanJob, error: Exception) -> Later | GiveUp:
        """Return the plan for a message whose scan is not claimed; the message counts attempts."""
        retry, now, kind = job.retry or ScanRetry(), self._now(), failure_kind(error)
        if isinstance(error, NotDueError):
            due_at = error.data["due_at"]
            assert isinstance(due_at, datetime)
            retry = replace(retry, due_at=due_at)
            plan: Retry | GiveUp = Retry(delay=round((due_at - now).total_seconds()))
        else:
            if retry.kind != kind or retry.since is None:
                retry = replace(retry, kind=kind, attempt=0, since=now)
            retry = replace(retry, attempt=retry.attempt + 1)
            age = now - (retry.since or now)
            plan = plan_retry(kind, retry.attempt, age, retry_after=asked_wait(error))
        if isinstance(plan, GiveUp):
            return GiveUp(reason=describe_failure(error, plan.reason))
        return _later(job.target, plan, retry, error)

    async def _settle(
        self,
        repository: Repository,
        job: ScanJob,
        claim: ClaimedScan,
        error: Exception,
        duration_ms: int,
    ) -> Later | JobEnded | GiveUp:
        kind = failure_kind(error)
        series = await self._scans.count_failure(claim, kind)
        if series is None:
            return self.settle_unclaimed(job, BusyError())
        plan = plan_retry(kind, series.attempt, series.age, retry_after=asked_wait(error))
        if isinstance(plan, Retry):
            delay = timedelta(seconds=plan.delay)
            due_at = await self._scans.postpone(claim, delay, describe_failure(error))
            target = job.target.of_known(repository.full_name, repository.installation_id)
            return _later(target, plan, ScanRetry(due_at=due_at), error)
        failure = describe_failure(error, plan.reason if series.attempt > 1 else "")
        await self._tell.tell(repository, job.target, claim.id, failure)
        await self._scans.finish(
            claim,
            ScanStatus.FAILED,
            stats=ScanStats(duration_ms=duration_ms),
            skipped=(),
            failure=failure,
        )
        return JobEnded(reason=failure)


def _later(target: ScanTarget, plan: Retry, retry: ScanRetry, error: Exception) -> Later:
    body = encode_scan_job(ScanJob(target=target, retry=retry))
    reason = error.reason if isinstance(error, KovaError) else type(error).__name__
    return Later(delay=plan.delay, body=body, reason=reason)
