"""Ask for a scan by hand: the row first, then the job."""

from __future__ import annotations

import asyncio
import uuid
from typing import Final

from kova.scans.ports import ScanQueue, ScanRecovery, ScanStore
from kova.scans.scan import Scan, ScanStatus, ScanTarget, Trigger
from kova.shared.code_source import CodeSource
from kova.shared.exceptions import (
    OwnerNotAllowedError,
    QueueUnavailableError,
    RepositoryNotFoundError,
)
from kova.shared.owners import EVERY_OWNER, Owners
from kova.shared.ports import RepositoryStore
from kova.shared.reach import Reach
from kova.shared.repository import RepositoryRef

_SEND_SECONDS: Final = 4.5


class RequestScan:
    """POST /api/scan."""

    def __init__(
        self,
        *,
        repositories: RepositoryStore,
        scans: ScanStore,
        recovery: ScanRecovery,
        source: CodeSource,
        queue: ScanQueue,
        owners: Owners = EVERY_OWNER,
    ) -> None:
        self._repositories = repositories
        self._scans = scans
        self._recovery = recovery
        self._source = source
        self._queue = queue
        self._owners = owners

    async def request(
        self,
        full_name: str,
        ref: str | None,
        *,
        full: bool,
        fix: bool,
        reach: Reach,
        scan_id: str | None = None,
    ) -> Scan:
        """Record a scan and queue it; repeated with the same `scan_id`, it is one scan.

        Raises:
            RepositoryNotFoundError: GitHub does not show this repository to us, or it is outside
                of the reach.
            OwnerNotAllowedError: its owner is not one that Kova works for.
            UnavailableError: GitHub, the database or the queue does not answer.
        """
        self._check(full_name, reach)
        repository = await self._repositories.get(full_name, reach)
        is_known = repository is not None and not repository.is_unreachable
        if repository is None or not is_known or not self._owners.is_everybody:
            repository_ref = repository.ref if repository else RepositoryRef(full_name=full_name)
            info = await self._source.repository(repository_ref)
            self._check(info.full_name, reach)  # It may have been renamed or transferred.
            repository = await self._repositories.save(info)
        target = ScanTarget(
            repository=repository.full_name,
            trigger=Trigger.API,
            installation_id=repository.installation_id,
            ref=ref,
            scan_id=scan_id or str(uuid.uuid4()),
            full=full,
            fix=fix,
        )
        scan = await self._scans.create(target, repository.id)
        if scan.status is ScanStatus.FAILED and await self._recovery.reopen(scan.id):
            scan = await self._scans.create(target, repository.id)
        try:
            await self._send(target)
        except QueueUnavailableError:
            await self._scans.fail(scan.id, "queue_unavailable")
            raise
        return scan

    def _check(self, full_name: str, reach: Reach) -> None:
        if not reach.covers(full_name):
            raise RepositoryNotFoundError
        if not self._owners.allow(full_name):
            raise OwnerNotAllowedError

    async def _send(self, target: ScanTarget) -> None:
        """Queue it from a thread, and not for longer than a caller waits."""
        try:
            async with asyncio.timeout(_SEND_SECONDS):
                await asyncio.to_thread(self._queue.send, target)
        except TimeoutError as exc:
            raise QueueUnavailableError from exc
