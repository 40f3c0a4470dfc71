"""The objects of one process, each made when it is first asked for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Final

import httpx

from kova.access.admit import Admit
from kova.access.answer_once import AnswerOnce
from kova.access.manage_keys import ManageKeys
from kova.access.ports import Admissions
from kova.adapters.github.auth import AppTokens, FixedToken, TokenProvider
from kova.adapters.github.client import GitHubClient
from kova.adapters.github.publisher import GitHubPublisher
from kova.adapters.github.source import GitHubSource
from kova.adapters.memory.admissions import MemoryAdmissions
from kova.adapters.metrics.gauges import Gauges
from kova.adapters.postgres.api_keys import PostgresApiKeyStore
from kova.adapters.postgres.audit import PostgresAuditStore
from kova.adapters.postgres.budget import PostgresBudgetStore
from kova.adapters.postgres.cache import PostgresAnalysisCache
from kova.adapters.postgres.deliveries import PostgresDeliveryStore
from kova.adapters.postgres.errors import PostgresErrorStore
from kova.adapters.postgres.fixes import PostgresFixStore
from kova.adapters.postgres.idempotency import PostgresIdempotencyStore
from kova.adapters.postgres.pool import Database
from kova.adapters.postgres.repositories import PostgresRepositoryStore
from kova.adapters.postgres.scans import PostgresScanStore
from kova.adapters.postgres.usage import PostgresUsageStore
from kova.adapters.redis.admissions import RedisAdmissions
from kova.adapters.redis.connection import Redis
from kova.adapters.redis.fallback import AdmissionsWithFallback
from kova.adapters.sqs import SqsCommandQueue, SqsFixQueue, SqsScanQueue, sqs_client
from kova.analysis.run_analyzers import AnalyzeTree
from kova.bootstrap.ai import AiServices, ai_services, code_index
from kova.bootstrap.analyzers import local_analyzers, prove_fix
from kova.bootstrap.limits import limits
from kova.bootstrap.metrics import Metrics, queue_urls
from kova.bootstrap.scans import fetch_limits, scan_repository
from kova.bootstrap.settings import Settings, SettingsError
from kova.code_index.ports import CodeIndex
from kova.errors.change_error import ChangeError
from kova.fixes.publish_fix import PublishFix
from kova.fixes.request_publish import RequestPublish
from kova.intake.accept_delivery import AcceptDelivery
from kova.scans.import_sarif import ImportSarif
from kova.scans.request_scan import RequestScan
from kova.scans.scan_repository import ScanRepository, Stores
from kova.shared.check_health import CheckHealth, Ping
from kova.shared.meter import Meter
from kova.shared.periodic_tasks import PeriodicTasks

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_GITHUB_TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)


class Container:
    """Everything that routes and workers use. Building it opens nothing."""

    def __init__(
        self, settings: Settings, *, database_seconds: float = 3.0, waited_for: bool = True
    ) -> None:
        """Take the settings, the seconds of a transaction, and whether somebody waits for it."""
        self.settings = settings
        self.waited_for = waited_for
        self._database_seconds = database_seconds

    @cached_property
    def database(self) -> Database:
        """The database; SettingsError when it is not configured."""
        return Database(
            _needed(self.settings.database_url, "KOVA_DATABASE_URL"),
            self.settings.database_read_url,
            timeout=self._database_seconds,
        )

    @cached_property
    def stores(self) -> Stores:
        """What scans remember."""
        return Stores(
            repositories=PostgresRepositoryStore(self.database),
            scans=PostgresScanStore(self.database),
            errors=PostgresErrorStore(self.database),
            fixes=PostgresFixStore(self.database),
            deliveries=PostgresDeliveryStore(self.database),
            cache=PostgresAnalysisCache(self.database),
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
        return SqsScanQueue(self.sqs, url)

    @cached_property
    def sqs(self) -> SQSClient:
        """The client of SQS."""
        return sqs_client()

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
        url = self.settings.ai.command_queue_url
        return AcceptDelivery(
            secrets=self.settings.github_webhook_secrets,
            queue=self.queue,
            commands=SqsCommandQueue(self.sqs, url) if url else None,
        )

    @cached_property
    def admissions(self) -> Admissions:
        """Who is remembered and how often they called."""
        own = MemoryAdmissions()
        if self.redis is None:
            return own
        return AdmissionsWithFallback(RedisAdmissions(self.redis), own)

    @cached_property
    def admit(self) -> Admit:
        """The check of API keys and rate limits."""
        return Admit(
            keys=self.keys, admissions=self.admissions, limits=limits(self.settings), now=_now
        )

    @cached_property
    def answer_once(self) -> AnswerOnce:
        """Idempotency keys."""
        return AnswerOnce(PostgresIdempotencyStore(self.database), sleep=asyncio.sleep)

    @cached_property
    def manage_keys(self) -> ManageKeys:
        """The life of API keys."""
        return ManageKeys(keys=self.keys, audit=self.audit, admissions=self.admissions, now=_now)

    @cached_property
    def change_error(self) -> ChangeError:
        """Ignoring errors and opening them again."""
        return ChangeError(errors=self.stores.errors, now=_now)

    @cached_property
    def periodic_tasks(self) -> PeriodicTasks:
        """What has to happen from time to time."""
        tasks = {
            "open ignored errors whose time is over": self.stores.errors.expire,
            "forget reservations that nobody settles": PostgresBudgetStore(self.database).forget,
        }
        return PeriodicTasks(tasks, clock=time.monotonic)

    @cached_property
    def audit(self) -> PostgresAuditStore:
        """Who did what."""
        return PostgresAuditStore(self.database)

    @cached_property
    def usage(self) -> PostgresUsageStore:
        """What AI commands cost."""
        return PostgresUsageStore(self.database)

    @cached_property
    def metrics(self) -> Metrics:
        """Counts, and the page that shows them."""
        return Metrics(self.redis, cloudwatch=self.settings.on_lambda)

    @cached_property
    def meter(self) -> Meter:
        """Where counts go."""
        return self.metrics.meter

    async def metrics_page(self) -> bytes:
        """The page that Prometheus reads."""
        gauges = Gauges(database=self.database, sqs=self.sqs, queues=queue_urls(self.settings))
        return await self.metrics.page(await gauges.read())

    @property
    def metrics_token(self) -> str | None:
        """The bearer token of Prometheus."""
        return self.settings.metrics_token

    @property
    def monthly_budget_usd(self) -> Decimal | None:
        """The cap on all AI commands of a month."""
        return self.settings.ai.monthly_budget_usd

    @property
    def cors_origins(self) -> tuple[str, ...]:
        """Origins whose pages may call."""
        return self.settings.cors_origins

    @asynccontextmanager
    async def background(self) -> AsyncIterator[None]:
        """Bring counts to Redis every second, and the last ones at the end."""
        async with self.metrics.running():
            yield

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
    def import_sarif(self) -> ImportSarif:
        """POST /api/scans/{id}/sarif."""
        return ImportSarif(self.stores)

    @cached_property
    def request_publish(self) -> RequestPublish:
        """POST /api/fixes/{id}/publish; SettingsError without the fix queue."""
        url = _needed(self.settings.fix_queue_url, "KOVA_FIX_QUEUE_URL")
        queue = SqsFixQueue(self.sqs, url)
        return RequestPublish(fixes=self.stores.fixes, audit=self.audit, queue=queue)

    @cached_property
    def publish_fix(self) -> PublishFix:
        """The fix worker's job."""
        return PublishFix(
            fixes=self.stores.fixes,
            repositories=self.stores.repositories,
            source=self.source,
            publisher=GitHubPublisher(self.github),
            limits=fetch_limits(self.settings),
        )

    @cached_property
    def scan_repository(self) -> ScanRepository:
        """The scan worker's job."""
        analyzers = AnalyzeTree(local_analyzers(self.settings))
        return scan_repository(
            stores=self.stores,
            source=self.source,
            analyzers=analyzers,
            prove=prove_fix(analyzers),
            publisher=GitHubPublisher(self.github),
            limits=fetch_limits(self.settings),
            meter=self.meter,
            index=self.index,
        )

    @cached_property
    def index(self) -> CodeIndex:
        """The code index."""
        return code_index(self)

    @cached_property
    def ai(self) -> AiServices:
        """POST /ai/command and what belongs to it."""
        return ai_services(self)

    @cached_property
    def check_health(self) -> CheckHealth:
        """The question whether everything that is configured is there."""

        async def queue() -> None:
            await asyncio.to_thread(self.queue.ping)

        async def database() -> None:
            await self.database.ping()

        pings: dict[str, Ping] = {"database": database, "queue": queue}
        if self.settings.database_read_url:
            pings["database_replica"] = self.database.ping_replica
        if self.redis is not None:
            pings["redis"] = self.redis.ping
        return CheckHealth(pings)

    async def close(self) -> None:
        """Close what was opened."""
        if "ai" in self.__dict__:
            await self.ai.close()
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


def _now() -> datetime:
    return datetime.now(UTC)


def _needed(value: str | None, name: str) -> str:
    if value is None:
        raise SettingsError(f"{name} is missing.")
    return value
