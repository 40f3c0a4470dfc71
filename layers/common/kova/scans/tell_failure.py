"""Tell people on its commit that a scan failed for good."""

from __future__ import annotations

import logging
from dataclasses import replace

from kova.scans.ports import ScanStore
from kova.scans.publish_scan import PublishScan
from kova.scans.scan import ScanTarget
from kova.shared.exceptions import KovaError
from kova.shared.reach import EVERYTHING
from kova.shared.repository import Repository

_LOG = logging.getLogger("kova.scan")


class TellFailure:
    """Publishes the check run of a commit that was not scanned."""

    def __init__(self, *, scans: ScanStore, publish: PublishScan) -> None:
        self._scans = scans
        self._publish = publish

    async def tell(
        self, repository: Repository, target: ScanTarget, scan_id: str, failure: str
    ) -> None:
        """Publish it; where GitHub cannot be reached, the scan's row alone says so."""
        scan = await self._scans.get(scan_id, EVERYTHING)
        if scan is None or scan.commit_sha is None:
            return
        target = replace(target, commit_sha=scan.commit_sha)
        try:
            await self._publish.publish_failure(repository, target, failure)
        except KovaError as exc:
            context = {"repository": repository.full_name, "scan": scan_id, "reason": exc.reason}
            _LOG.warning("the failure of a scan is not on its commit", extra=context)
