"""Scans as people ask for them and look at them, put together; the job itself is scan_job.py's."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from kova.adapters.postgres.cache import PostgresAnalysisCache
from kova.adapters.postgres.deliveries import PostgresDeliveryStore
from kova.adapters.postgres.errors import PostgresErrorStore
from kova.adapters.postgres.fixes import PostgresFixStore, PostgresPullLeases
from kova.adapters.postgres.pushes import PostgresPushStore
from kova.adapters.postgres.repositories import PostgresRepositoryStore
from kova.adapters.postgres.scan_recovery import PostgresScanRecovery
from kova.adapters.postgres.scans import PostgresScanStore
from kova.bootstrap.core import Core
from kova.bootstrap.queues import scan_queue
from kova.scans.ports import Stores

if TYPE_CHECKING:
    from kova.scans.import_sarif import ImportSarif
    from kova.scans.request_scan import RequestScan


class ScanRoot:
    """Implements web.services.ScanServices."""

    def __init__(self, core: Core) -> None:
        self._core = core

    @cached_property
    def stores(self) -> Stores:
        """What scans remember."""
        database = self._core.database
        return Stores(
            repositories=PostgresRepositoryStore(database),
            scans=PostgresScanStore(database),
            recovery=PostgresScanRecovery(database),
            pushes=PostgresPushStore(database),
            errors=PostgresErrorStore(database),
            fixes=PostgresFixStore(database),
            pull_leases=PostgresPullLeases(database),
            deliveries=PostgresDeliveryStore(database),
            cache=PostgresAnalysisCache(database),
        )

    @cached_property
    def request_scan(self) -> RequestScan:
        """POST /api/scan; SettingsError without the scan queue or GitHub."""
        from kova.scans.request_scan import RequestScan

        return RequestScan(
            repositories=self.stores.repositories,
            scans=self.stores.scans,
            recovery=self.stores.recovery,
            source=self._core.source,
            queue=scan_queue(self._core),
            owners=self._core.settings.owners,
        )

    @cached_property
    def import_sarif(self) -> ImportSarif:
        """POST /api/scans/{id}/sarif."""
        from kova.scans.import_sarif import ImportSarif

        return ImportSarif(self.stores)
