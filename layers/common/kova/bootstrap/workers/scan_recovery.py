"""The recovery of scans whose worker died or whose message was lost, put together."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from kova.bootstrap.core import Core
from kova.bootstrap.queues import scan_queue
from kova.bootstrap.scans import ScanRoot

if TYPE_CHECKING:
    from kova.scans.recover_scans import RecoverScans
    from kova.shared.periodic_tasks import PeriodicTask


class _Recovery:
    """Built when it is first due: most starts of a function end before that."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def recover(self) -> int:
        return await self._recover_scans.recover()

    @cached_property
    def _recover_scans(self) -> RecoverScans:
        from kova.adapters.github.publisher import GitHubPublisher
        from kova.scans.publish_scan import PublishScan
        from kova.scans.recover_scans import RecoverScans
        from kova.scans.tell_failure import TellFailure

        stores = ScanRoot(self._core).stores
        publish = PublishScan(GitHubPublisher(self._core.github))
        return RecoverScans(
            repositories=stores.repositories,
            scans=stores.scans,
            recovery=stores.recovery,
            queue=scan_queue(self._core),
            tell=TellFailure(scans=stores.scans, publish=publish),
        )


def recovery_task(core: Core) -> PeriodicTask | None:
    """Return the task; None in a process that knows no queue of scans, or no GitHub."""
    settings = core.settings
    if not settings.scan_queue_url or not (settings.github_token or settings.github_app_id):
        return None
    return _Recovery(core).recover
