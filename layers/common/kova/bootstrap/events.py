"""Events of GitHub's, put together: built at the first of them, for most messages are scans."""

from __future__ import annotations

from functools import cached_property

from kova.adapters.github.auth import AppTokens
from kova.adapters.github.conversation import GitHubConversation
from kova.adapters.github.installations import AppInstallations, TokenRepositories
from kova.adapters.github.publisher import GitHubPublisher
from kova.adapters.postgres.audit import PostgresAuditStore
from kova.adapters.postgres.repository_watch import PostgresRepositoryWatch
from kova.bootstrap.core import Core, now
from kova.bootstrap.fixes import FixRoot
from kova.bootstrap.queues import scan_queue
from kova.bootstrap.scans import ScanRoot
from kova.errors.ignore_errors import IgnoreErrors
from kova.events.follow_event import FollowEvent
from kova.events.handle_event import HandleEvent
from kova.events.ports import RepositoryDirectory, RightsChange
from kova.events.press_check_button import PressCheckButton
from kova.events.refresh_installation import RefreshInstallation
from kova.events.refresh_repository import RefreshRepository
from kova.fixes.follow_pull_requests import FollowPullRequests
from kova.fixes.hold_pulls import HoldPulls
from kova.scans.publish_scan import PublishScan
from kova.scans.settle_scan import SettleScan
from kova.scans.tell_failure import TellFailure


class EventRoot:
    """What the worker of the scan queue does with events."""

    def __init__(self, core: Core, scans: ScanRoot) -> None:
        self._core = core
        self._scans = scans

    @cached_property
    def handle_event(self) -> HandleEvent:
        """The worker's job for an event."""
        core, stores = self._core, self._scans.stores
        watch, directory = PostgresRepositoryWatch(core.database), self._directory()
        publisher, queue = GitHubPublisher(core.github), scan_queue(core)
        follow = FollowPullRequests(fixes=stores.fixes, publisher=publisher)
        tell = TellFailure(scans=stores.scans, publish=PublishScan(publisher))
        return HandleEvent(
            repository=RefreshRepository(
                repositories=stores.repositories,
                watch=watch,
                directory=directory,
                source=core.source,
                queue=queue,
            ),
            installation=RefreshInstallation(
                repositories=stores.repositories, watch=watch, directory=directory
            ),
            follow=FollowEvent(
                repositories=stores.repositories,
                follow=follow,
                pulls=HoldPulls(stores.pull_leases),
            ),
            press=PressCheckButton(
                repositories=stores.repositories,
                conversation=GitHubConversation(core.github),
                fixes=stores.fixes,
                publish=FixRoot(core).publish_fix,
                errors=watch,
                ignore=IgnoreErrors(errors=stores.errors),
                audit=PostgresAuditStore(core.database),
                queue=queue,
            ),
            deliveries=stores.deliveries,
            rights=self._rights(),
            settle=SettleScan(scans=stores.scans, tell=tell, now=now),
        )

    def _rights(self) -> RightsChange | None:
        if self._core.redis is None:
            return None
        from kova.adapters.redis.people import RedisPeopleSessions

        return RedisPeopleSessions(self._core.redis, now=now)

    def _directory(self) -> RepositoryDirectory:
        settings = self._core.settings
        if settings.github_token or not settings.github_app_id or not settings.github_private_key:
            return TokenRepositories(self._core.source)
        tokens = AppTokens(app_id=settings.github_app_id, private_key=settings.github_private_key)
        return AppInstallations(
            base_url=settings.github_api_url,
            tokens=tokens,
            http=self._core.http,
            owners=settings.owners,
        )
