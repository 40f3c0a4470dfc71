"""Record that a scan was given up, so that people see it where they look for scans."""

from __future__ import annotations

import logging

from kova.scans.ports import ScanStore
from kova.scans.scan import ScanTarget
from kova.shared.exceptions import KovaError
from kova.shared.ports import RepositoryStore
from kova.shared.reach import EVERYTHING
from kova.shared.retry import GiveUp, Retry

_LOG = logging.getLogger("kova.scan")


class RecordFailure:
    """Marks the scan of a job that is given up as failed."""

    def __init__(self, *, repositories: RepositoryStore, scans: ScanStore) -> None:
        self._repositories = repositories
        self._scans = scans

    async def record(self, target: ScanTarget, plan: GiveUp) -> Retry | GiveUp:
        """Return the plan, or a Retry in a minute when the failure cannot be recorded now.

        The message is the only trace of a scan whose row cannot be written: it has to wait for
        the database.
        """
        try:
            repository = await self._repositories.get(target.repository, EVERYTHING)
            if repository is not None:
                scan = await self._scans.create(target, repository.id)
                await self._scans.fail(scan.id, plan.reason)
        except KovaError as exc:
            log_context = {**scan_log_context(target), "reason": exc.reason}
            _LOG.warning("failure not recorded", extra=log_context)
            return Retry(delay=60)
        return plan


def scan_log_context(target: ScanTarget) -> dict[str, object]:
    """Return the ids by which log lines about a scan's job can be found."""
    return {"repository": target.repository, "delivery": target.delivery}
