"""A scan worker, its queue, its database and GitHub in memory: hours pass in milliseconds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from kova.adapters.memory.clock import Clock
from kova.adapters.memory.queues import MemoryQueue
from kova.bootstrap.workers.messages import settle_message
from kova.scans.message import ScanJob, ScanRetry, decode_scan_job, encode_scan_job
from kova.scans.recover_scans import RecoverScans
from kova.scans.scan import Scan, ScanTarget, Trigger
from kova.shared.exceptions import KovaError, QueueUnavailableError
from kova.shared.meter import SilentMeter
from kova.shared.page import PageRequest
from kova.shared.queue_consumer import Received
from kova.shared.reach import EVERYTHING
from kova.shared.run_job import JobRunner, Outcome, Receipt
from tests.support.stores import NAME
from tests.support.workshop import Workshop

BEGIN: Final = datetime(2026, 11, 30, tzinfo=UTC)
VISIBILITY: Final = 20


class KilledError(BaseException):
    """The worker's process is gone."""


class _Mortal:
    """The worker's side of the queue in a process that may be killed between two calls."""

    def __init__(self, worker: SimulatedWorker) -> None:
        self._worker = worker

    def __getattr__(self, name: str) -> Any:
        return getattr(self._worker.queue, name)

    def postpone(self, message: Received, body: str, delay: int) -> None:
        self._die_before("send")
        self._worker.queue.send(body, delay=min(delay, 900), group=message.group)
        self._die_before("delete")
        self._worker.queue.delete(message)

    def delete(self, message: Received) -> None:
        self._die_before("end")
        self._worker.queue.delete(message)

    def _die_before(self, step: str) -> None:
        if self._worker.dies_before == step:
            self._worker.dies_before = None
            raise KilledError


class SimulatedWorker:
    """Handles messages one after the other; the clock goes on to the next one that is due."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock(BEGIN)
        self.workshop = Workshop(folder, self.clock)
        self.queue = MemoryQueue(now=self.clock)
        self.workshop.queue = self
        self.outcomes: list[Outcome] = []
        self.dies_before: str | None = None
        """The step of settling at which the process is killed, once: `send`, `delete` or `end`."""
        self.attempts = 0
        self.on_attempt: Callable[[ScanJob], Awaitable[None]] | None = None
        """Called before each attempt; it may raise KilledError."""

    @property
    def elapsed(self) -> timedelta:
        return self.clock() - BEGIN

    def send(self, target: ScanTarget, retry: ScanRetry | None = None) -> None:
        """Implements scans.ports.ScanQueue."""
        self.queue.send(encode_scan_job(ScanJob(target=target, retry=retry)), group=NAME)

    def ping(self) -> None:
        self.queue.check()

    def push(self, branch: str = "main", **files: str) -> ScanTarget:
        """Push, and deliver the webhook."""
        sha = self.workshop.push(branch, **files)
        target = ScanTarget(
            repository=NAME,
            trigger=Trigger.PUSH,
            github_id=self.workshop.info.github_id,
            default_branch="main",
            ref=f"refs/heads/{branch}",
            commit_sha=sha,
            delivery=f"guid-{sha[:8]}",
        )
        self.send(target)
        return target

    async def work(self, *, until: timedelta = timedelta(days=30)) -> None:
        """Handle messages until there is none, or none before the moment."""
        while (due := self.queue.next_visible()) is not None and due <= BEGIN + until:
            self.clock.advance(max(due - self.clock(), timedelta()))
            try:
                messages = self.queue.receive(limit=1, visibility=VISIBILITY)
            except QueueUnavailableError:
                self.clock.advance(timedelta(seconds=2))
                continue
            for message in messages:
                try:
                    outcome = await self._runner().handle(
                        message.body, message.attempt, waited=message.waited
                    )
                    await settle_message(_Mortal(self), message, outcome)
                except KilledError:
                    continue  # The message comes back.
                self.outcomes.append(outcome)
        if due is not None:
            self.clock.advance(max(BEGIN + until - self.clock(), timedelta()))

    async def scans(self) -> list[Scan]:
        """Return all scans, the oldest first."""
        page = await self.workshop.stores.scans.page(PageRequest(limit=100), None, EVERYTHING)
        return list(page.items)[::-1]

    def fail_until(self, end: timedelta, error: KovaError) -> None:
        """Let GitHub fail until so long after the beginning."""

        async def fail(_: ScanJob) -> None:
            is_over = self.elapsed >= end
            self.workshop.source.failure = None if is_over else error
            self.workshop.publisher.failure = None if is_over else error

        self.on_attempt = fail

    @property
    def recover(self) -> RecoverScans:
        stores = self.workshop.stores
        return RecoverScans(
            repositories=stores.repositories,
            scans=stores.scans,
            recovery=stores.recovery,
            queue=self,
            tell=self.workshop.tell,
        )

    def _runner(self) -> JobRunner[ScanJob]:
        job = self.workshop.job

        async def work(scan_job: ScanJob, receipt: Receipt) -> str | None:
            self.attempts += 1
            if self.on_attempt is not None:
                await self.on_attempt(scan_job)
            return await job.scan(scan_job, receipt)

        return JobRunner(queue="scan", decode=decode_scan_job, work=work, meter=SilentMeter())
