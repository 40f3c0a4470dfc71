"""Pushes through the real intake and scan job: a real Postgres, the strict practice GitHub.

Time is simulated: messages that wait are handled as soon as nothing else is there.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from kova.adapters.github.client import GitHubClient
from kova.adapters.github.publisher import GitHubPublisher
from kova.adapters.memory.clock import Clock
from kova.adapters.memory.queues import MemoryQueue
from kova.analysis.run_analyzers import AnalyzeTree
from kova.bootstrap.core import Core
from kova.bootstrap.scans import ScanRoot
from kova.bootstrap.settings import load_settings
from kova.bootstrap.workers.messages import settle_message
from kova.bootstrap.workers.scan_job import scan_repository
from kova.errors.ports import ErrorFilter
from kova.events.message import event_of
from kova.fixes.prove_fix import ProveFix
from kova.intake.accept_delivery import AcceptDelivery, AcceptedDelivery, IncomingDelivery
from kova.scans.claim_scan import LEASE
from kova.scans.message import ScanJob, ScanRetry, decode_scan_job, encode_scan_job
from kova.scans.ports import PushStore
from kova.scans.scan import Scan, ScanTarget, Trigger
from kova.scans.scan_repository import ScanRepository
from kova.shared.code_source import FetchLimits
from kova.shared.meter import SilentMeter
from kova.shared.page import PageRequest
from kova.shared.queue_consumer import Received
from kova.shared.reach import EVERYTHING
from kova.shared.run_job import JobRunner, Receipt
from kova_fakes.github import FakeGitHub, people
from kova_fakes.github.webhooks import signed_request
from tests.support.analyzer import MarkAnalyzer
from tests.support.findings import findings_of
from tests.support.simulated_worker import KilledError
from tests.support.workshop import PlainPython

NAME: Final = "octo/sample"
_VISIBILITY: Final = 20


class Hooked:
    """A port whose answers may be a while on their way: others go on meanwhile.

    Attributes:
        hooks: called with a method's answer before the caller gets it, by the method's name; one
            may raise KilledError.
    """

    def __init__(self, port: Any) -> None:
        self._port = port
        self.hooks: dict[str, Callable[[Any], Awaitable[None]]] = {}

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        if name not in self.hooks:
            return method

        async def call(*arguments: Any, **options: Any) -> Any:
            answer = await method(*arguments, **options)
            if (hook := self.hooks.get(name)) is not None:
                await hook(answer)
            return answer

        return call


class SimulatedPushes(Hooked):
    """The store of pushes, which are received in simulated time."""

    def __init__(self, desk: PushDesk, pushes: PushStore) -> None:
        super().__init__(pushes)
        self._desk = desk
        self._keys: set[str | None] = set()

    async def record(self, target: ScanTarget, repository_id: str, scan_id: str) -> None:
        await self._port.record(target, repository_id, scan_id)
        if target.push_key not in self._keys:
            self._keys.add(target.push_key)
            query = "UPDATE pushes SET received_at = %s WHERE dedupe_key = %s"
            await self._desk.execute(query, self._desk.clock(), target.push_key)


class PushDesk:
    """One repository, its webhooks, and workers that can be killed between two steps."""

    def __init__(
        self, github: FakeGitHub, database_url: str, *, client: GitHubClient | None = None
    ) -> None:
        """`client`: another one than the product makes of its settings."""
        environment = {
            "KOVA_DATABASE_URL": database_url,
            "KOVA_GITHUB_API_URL": github.url,
            "KOVA_GITHUB_APP_ID": github.app_id,
            "KOVA_GITHUB_PRIVATE_KEY": github.private_key_pem,
        }
        self.github = github
        self.core = Core(load_settings(environment))
        if client is not None:
            self.core.github = client
        stores = ScanRoot(self.core).stores
        self.scan_rows = Hooked(stores.scans)
        self.pushes = SimulatedPushes(self, stores.pushes)
        self.errors = Hooked(stores.errors)
        self.pull_leases = Hooked(stores.pull_leases)
        self.stores = replace(
            stores,
            scans=self.scan_rows,
            pushes=self.pushes,
            errors=self.errors,
            pull_leases=self.pull_leases,
        )
        self.clock = Clock()
        self.queue = MemoryQueue(now=self.clock)
        self.tool = MarkAnalyzer()
        self.source = Hooked(self.core.source)
        self.publisher = Hooked(GitHubPublisher(self.core.github))
        self.intake = AcceptDelivery(secrets=[github.webhook_secret], queue=self)
        self.job = self.new_job()
        self.second = int(self.clock().timestamp())
        self.before_job: Callable[[ScanJob], Awaitable[None]] | None = None

    def new_job(self) -> ScanRepository:
        """Return the scan job of another worker's process."""
        analyzers = AnalyzeTree([self.tool])
        return scan_repository(
            stores=self.stores,
            source=self.source,
            queue=self,
            analyzers=analyzers,
            prove=ProveFix(analyzers=analyzers, syntax=[PlainPython()]),
            publisher=self.publisher,
            limits=FetchLimits(),
            meter=SilentMeter(),
            now=self.clock,
        )

    def send(self, target: ScanTarget, retry: ScanRetry | None = None) -> None:
        """Implements scans.ports.ScanQueue."""
        self.queue.send(encode_scan_job(ScanJob(target=target, retry=retry)), group=NAME)

    def ping(self) -> None:
        self.queue.check()

    # What people do.

    def create(self, **files: str) -> dict[str, Any]:
        """Create the repository with one commit and return the event's payload."""
        contents = {f"{name}.py": text.encode() for name, text in files.items()}
        self.github.state.create_repository(NAME, files=contents)
        return self._event("main")

    def push(self, *, branch: str = "main", **files: str) -> dict[str, Any]:
        """Push files and return the payload of GitHub's event."""
        contents = {f"{name}.py": text.encode() for name, text in files.items()}
        self.github.state.push(NAME, contents, branch=branch)
        return self._event(branch)

    def force(self, sha: str, *, branch: str = "main") -> dict[str, Any]:
        """Let the branch end at a commit that is there, and return the event's payload."""
        people.force_push(self.github.state.repository(NAME), branch, sha)
        return self._event(branch)

    def _event(self, branch: str) -> dict[str, Any]:
        """Return the event of the last push, each a second after the one before."""
        self.second += 1
        repository = self.github.state.repository(NAME)
        repository.pushed_at = self.second
        return self.github.push_event(NAME, branch)

    def head(self, branch: str = "main") -> str:
        return self.github.state.head(NAME, branch)

    def deliver(
        self, payload: Mapping[str, Any], *, guid: str | None = None, event: str = "push"
    ) -> AcceptedDelivery:
        """Deliver a webhook."""
        headers, body = signed_request(
            self.github.webhook_secret, event, dict(payload), guid, "application/json"
        )
        incoming = IncomingDelivery(
            delivery_id=headers["x-github-delivery"],
            event=event,
            signature=headers["x-hub-signature-256"],
            content_type=headers["content-type"],
            body=body,
        )
        return self.intake.accept(incoming)

    def target_by_hand(self) -> ScanTarget:
        """Return what POST /api/scan queues about the default branch."""
        return ScanTarget(repository=NAME, trigger=Trigger.API, scan_id=str(uuid.uuid4()))

    # What workers do.

    async def work(self, workers: int = 1, *, until: timedelta = timedelta(days=1)) -> None:
        """Handle messages until there is none; the clock goes on to the next one that is due."""
        end = self.clock() + until
        jobs = [self.job, *(self.new_job() for _ in range(workers - 1))]
        while (due := self.queue.next_visible()) is not None and due <= end:
            wait = max(due - self.clock(), timedelta())
            self.clock.advance(wait)
            if wait > LEASE:
                await self.expire_leases()
            async with asyncio.TaskGroup() as tasks:
                for job in jobs:
                    tasks.create_task(self.work_one(job))

    async def work_one(self, job: ScanRepository | None = None) -> None:
        """Handle one message, if one is due."""
        for message in self.queue.receive(limit=1, visibility=_VISIBILITY):
            await self._handle(job or self.new_job(), message)

    async def _handle(self, job: ScanRepository, message: Received) -> None:
        async def scan(scan_job: ScanJob, receipt: Receipt) -> str | None:
            if event_of(scan_job) is not None:
                return None  # For another use case: the desk is about pushes.
            if self.before_job is not None:
                await self.before_job(scan_job)
            return await job.scan(scan_job, receipt)

        runner = JobRunner(queue="scan", decode=decode_scan_job, work=scan, meter=SilentMeter())
        with suppress(KilledError):  # The message comes back.
            outcome = await runner.handle(message.body, message.attempt, waited=message.waited)
            await settle_message(self.queue, message, outcome)

    async def expire_leases(self) -> None:
        """Let the leases of killed workers end: Postgres knows nothing of simulated time."""
        await self.execute("UPDATE scans SET lease_until = now() - interval '1 second'")

    # What is there in the end.

    async def execute(self, query: str, *values: Any) -> list[dict[str, Any]]:
        async with self.core.database.transaction() as connection:
            cursor = await connection.execute(query, values)
            return list(await cursor.fetchall()) if cursor.description else []

    async def open_errors(self) -> list[tuple[str, int]]:
        """Return path and line of the open errors, in order."""
        page = await self.stores.errors.page(
            PageRequest(limit=100), ErrorFilter(repository=NAME), EVERYTHING
        )
        return sorted(
            (record.finding.path, record.finding.span.start_line)
            for record in page.items
            if record.status == "open"
        )

    def true_errors(self, branch: str = "main") -> list[tuple[str, int]]:
        """Return path and line of what the analyser reports at the branch's head."""
        git = self.github.state.repository(NAME).git
        files = git.files(git.commits[self.head(branch)].tree)
        return sorted(
            (finding.path, finding.span.start_line)
            for path, entry in files
            for finding in findings_of(path, git.blobs[entry.sha].decode(), self.tool.rules)
        )

    async def scans(self) -> Sequence[Scan]:
        """Return all scans, the oldest first."""
        page = await self.stores.scans.page(PageRequest(limit=100), None, EVERYTHING)
        return list(page.items)[::-1]

    def check_runs(self) -> dict[str, dict[str, Any]]:
        """Return the check runs by commit."""
        return {run["head_sha"]: run for run in self.github.state.check_runs(NAME)}

    async def close(self) -> None:
        await self.core.close()


async def statuses(desk: PushDesk) -> list[str]:
    return [scan.status.value for scan in await desk.scans()]


async def scan_of(desk: PushDesk, sha: str) -> Scan:
    (scan,) = [scan for scan in await desk.scans() if scan.commit_sha == sha]
    return scan
