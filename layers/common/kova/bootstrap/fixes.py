"""Fixes and their publication, put together."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from kova.adapters.postgres.audit import PostgresAuditStore
from kova.adapters.postgres.fixes import PostgresFixStore, PostgresPullLeases
from kova.adapters.postgres.repositories import PostgresRepositoryStore
from kova.bootstrap.core import Core
from kova.bootstrap.settings import Settings, require
from kova.fixes.request_publish import RequestPublish

if TYPE_CHECKING:
    from kova.fixes.publish_fix import PublishFix
    from kova.shared.code_source import FetchLimits


class FixRoot:
    """Implements web.services.FixServices."""

    def __init__(self, core: Core) -> None:
        self._core = core

    @cached_property
    def fixes(self) -> PostgresFixStore:
        """Fixes and their proofs."""
        return PostgresFixStore(self._core.database)

    @cached_property
    def request_publish(self) -> RequestPublish:
        """POST /api/fixes/{id}/publish; SettingsError without the fix queue."""
        from kova.adapters.sqs import SqsFixQueue

        url = require(self._core.settings.fix_queue_url, "KOVA_FIX_QUEUE_URL")
        return RequestPublish(
            fixes=self.fixes,
            repositories=PostgresRepositoryStore(self._core.database),
            audit=PostgresAuditStore(self._core.database),
            queue=SqsFixQueue(self._core.sqs, url),
            source=lambda: self._core.source,
            owners=self._core.settings.owners,
        )

    @cached_property
    def publish_fix(self) -> PublishFix:
        """The fix worker's job."""
        from kova.adapters.github.publisher import GitHubPublisher
        from kova.fixes.hold_pulls import HoldPulls
        from kova.fixes.publish_fix import PublishFix

        return PublishFix(
            fixes=self.fixes,
            repositories=PostgresRepositoryStore(self._core.database),
            source=self._core.source,
            publisher=GitHubPublisher(self._core.github),
            limits=fetch_limits(self._core.settings),
            pulls=HoldPulls(PostgresPullLeases(self._core.database)),
        )


def fetch_limits(settings: Settings) -> FetchLimits:
    """Return what a fetch may cost."""
    from kova.shared.code_source import FetchLimits

    return FetchLimits(
        files=settings.max_files,
        file_bytes=settings.max_file_bytes,
        total_bytes=settings.max_total_bytes,
        seconds=float(settings.fetch_seconds),
    )
