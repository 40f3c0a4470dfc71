"""Ask for a scan by hand: the row first, then the job."""

from __future__ import annotations

import uuid

from kova.domain.errors import QueueUnavailableError
from kova.domain.scan import Scan, ScanTarget, Trigger
from kova.ports.queue import ScanQueue
from kova.ports.source import CodeSource, RepositoryRef
from kova.ports.stores import RepositoryStore, ScanStore


class RequestScan:
    """POST /api/scan."""

    def __init__(
        self,
        *,
        repositories: RepositoryStore,
        scans: ScanStore,
        source: CodeSource,
        queue: ScanQueue,
    ) -> None:
        """Take where repositories and scans are kept, GitHub, and the queue."""
        self._repositories = repositories
        self._scans = scans
        self._source = source
        self._queue = queue

    async def run(self, repository: str, ref: str | None, *, full: bool, fix: bool) -> Scan:
        """Record the scan and queue it.

        Raises:
            RepositoryNotFoundError: GitHub does not show this repository to us.
            UnavailableError: GitHub, the database or the queue does not answer.
        """
        known = await self._repositories.get(repository)
        if known is None:
            info = await self._source.repository(RepositoryRef(full_name=repository))
            known = await self._repositories.save(info)
        target = ScanTarget(
            repository=known.full_name,
            trigger=Trigger.API,
            installation_id=known.installation_id,
            ref=ref,
            scan_id=str(uuid.uuid4()),
            full=full,
            fix=fix,
        )
        scan = await self._scans.create(target, known.id)
        try:
            self._queue.send(target)
        except QueueUnavailableError:
            await self._scans.fail(scan.id, "queue_unavailable")
            raise
        return scan
