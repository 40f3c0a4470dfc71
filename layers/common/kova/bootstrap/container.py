"""The objects of one process, each made when it is first asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import cached_property
from typing import Final

import httpx

from kova.adapters.github.auth import AppTokens, FixedToken, TokenProvider
from kova.adapters.github.client import GitHubClient
from kova.adapters.github.publisher import GitHubPublisher
from kova.adapters.github.source import GitHubSource
from kova.adapters.postgres.api_keys import PostgresApiKeyStore
from kova.adapters.postgres.deliveries import PostgresDeliveryStore
from kova.adapters.postgres.errors import PostgresErrorStore
from kova.adapters.postgres.fixes import PostgresFixStore
from kova.adapters.postgres.pool import Database
from kova.adapters.postgres.repositories import PostgresRepositoryStore
from kova.adapters.postgres.scans import PostgresScanStore
from kova.adapters.redis.connection import Redis
from kova.adapters.sqs import SqsScanQueue, sqs_client
from kova.bootstrap.analyzers import local_analyzers, prove_fix
from kova.bootstrap.settings import Settings, SettingsError
from kova.ports.source import FetchLimits
from kova.usecases.accept_delivery import AcceptDelivery
from kova.usecases.analyze_tree import AnalyzeTree
from kova.usecases.authenticate import Authenticate
from kova.usecases.fetch_commit import FetchCommit
from kova.usecases.propose_fixes import ProposeFixes
from kova.usecases.publish_scan import PublishScan
from kova.usecases.request_scan import RequestScan
from kova.usecases.scan_repository import ScanRepository, Stores

_GITHUB_TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)


class Container:
    """Everything that routes and workers use. Building it opens nothing."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings."""
        self.settings = settings

    @cached_property
    def database(self) -> Database:
        """The database; SettingsError when it is not configured."""
        return Database(_needed(self.settings.database_url, "KOVA_DATABASE_URL"))

    @cached_property
    def stores(self) -> Stores:
        """What scans remember."""
        return Stores(
            repositories=PostgresRepositoryStore(self.database),
            scans=PostgresScanStore(self.database),
            errors=PostgresErrorStore(self.database),
            fixes=PostgresFixStore(self.database),
            deliveries=PostgresDeliveryStore(self.database),
        )

    @cached_property
    def keys(self) -> PostgresApiKeyStore:
        """API keys."""
        return PostgresApiKeyStore(self.database)

    @cached_property
    def redis(self) -> Redis | None:
        """Redis, where it is configured."""
        return Redis(self.settings.redis_url) if self.settings.redis_url else None

    @cached_property
    def queue(self) -> SqsScanQueue:
        """The scan queue; SettingsError when it is not configured."""
        url = _needed(self.settings.scan_queue_url, "KOVA_SCAN_QUEUE_URL")
        return SqsScanQueue(sqs_client(), url)

    @cached_property
    def http(self) -> httpx.AsyncClient:
        """The HTTP client for GitHub."""
        return httpx.AsyncClient(timeout=_GITHUB_TIMEOUT, follow_redirects=False)

    @cached_property
    def github(self) -> GitHubClient:
        """GitHub, as an App or with one token."""
        return GitHubClient(
            base_url=self.settings.github_api_url, tokens=self._tokens(), http=self.http
        )

    @cached_property
    def source(self) -> GitHubSource:
        """Where code comes from."""
        return GitHubSource(self.github)

    @cached_property
    def accept_delivery(self) -> AcceptDelivery:
        """The webhook intake."""
        return AcceptDelivery(secrets=self.settings.github_webhook_secrets, queue=self.queue)

    @cached_property
    def authenticate(self) -> Authenticate:
        """The check of API keys."""
        return Authenticate(keys=self.keys, now=lambda: datetime.now(UTC))

    @cached_property
    def request_scan(self) -> RequestScan:
        """POST /api/scan."""
        return RequestScan(
            repositories=self.stores.repositories,
            scans=self.stores.scans,
            source=self.source,
            queue=self.queue,
        )

    @cached_property
    def scan_repository(self) -> ScanRepository:
        """The scan worker's job."""
        analyze = AnalyzeTree(local_analyzers(self.settings))
        limits = FetchLimits(
            files=self.settings.max_files,
            file_bytes=self.settings.max_file_bytes,
            total_bytes=self.settings.max_total_bytes,
            seconds=float(self.settings.fetch_seconds),
        )
        return ScanRepository(
            stores=self.stores,
            source=self.source,
            fetch=FetchCommit(source=self.source, analyze=analyze, limits=limits),
            propose=ProposeFixes(prove_fix(analyze)),
            publish=PublishScan(GitHubPublisher(self.github)),
        )

    def checks(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """The pings of what is configured, for /health."""

        async def queue() -> None:
            await asyncio.to_thread(self.queue.ping)

        async def database() -> None:
            await self.database.ping()

        checks: dict[str, Callable[[], Awaitable[None]]] = {"database": database, "queue": queue}
        if self.redis is not None:
            checks["redis"] = self.redis.ping
        return checks

    async def close(self) -> None:
        """Close what was opened."""
        if "database" in self.__dict__:
            await self.database.close()
        if "http" in self.__dict__:
            await self.http.aclose()
        if self.__dict__.get("redis") is not None:
            await self.__dict__["redis"].close()

    def _tokens(self) -> TokenProvider:
        settings = self.settings
        if settings.github_token:
            return FixedToken(settings.github_token)
        if settings.github_app_id and settings.github_private_key:
            return AppTokens(app_id=settings.github_app_id, private_key=settings.github_private_key)
        raise SettingsError("GitHub needs KOVA_GITHUB_APP_ID and its key, or KOVA_GITHUB_TOKEN.")


def _needed(value: str | None, name: str) -> str:
    if value is None:
        raise SettingsError(f"{name} is missing.")
    return value
