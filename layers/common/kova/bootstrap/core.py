"""What the composition roots of all capabilities stand on: settings, connections, metrics."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final

from kova.adapters.metrics.process import ProcessMetrics
from kova.adapters.postgres.pool import Database
from kova.bootstrap.settings import Settings, SettingsError, require

if TYPE_CHECKING:
    import httpx
    from mypy_boto3_sqs import SQSClient

    from kova.adapters.github.client import GitHubClient
    from kova.adapters.github.source import GitHubSource
    from kova.adapters.redis.connection import Redis
    from kova.shared.meter import Meter

_GITHUB_SECONDS: Final = 30.0
_CONNECT_SECONDS: Final = 5.0


@dataclass(frozen=True, kw_only=True)
class Resource:
    """Something that was opened: how to ask whether it is there, and how to close it."""

    name: str
    close: Callable[[], Awaitable[None]]
    pings: Sequence[tuple[str, Callable[[], Awaitable[None]]]] = ()


class Core:
    """The connections of one process, each made when it is first asked for.

    Building it opens nothing. The SDK of a vendor is imported with its first use, so that a
    function pays for what its endpoint needs.
    """

    def __init__(
        self, settings: Settings, *, database_seconds: float = 3.0, interactive: bool = True
    ) -> None:
        """Name the seconds of a transaction, and whether somebody waits for the answers."""
        self.settings = settings
        self.interactive = interactive
        self._database_seconds = database_seconds
        self._resources: list[Resource] = []

    @cached_property
    def database(self) -> Database:
        """The database; SettingsError when it is not configured."""
        database = Database(
            require(self.settings.database_url, "KOVA_DATABASE_URL"),
            self.settings.database_read_url,
            max_size=self.settings.database_pool,
            timeout=self._database_seconds,
            on_statement=self._observe_statement,
        )
        pings = [("database", database.ping)]
        if database.has_replica:
            pings.append(("database_replica", database.ping_replica))
        self.register(Resource(name="database", close=database.close, pings=pings))
        return database

    @cached_property
    def redis(self) -> Redis | None:
        """Redis, where it is configured."""
        if self.settings.redis_url is None:
            return None
        from kova.adapters.redis.connection import Redis

        redis = Redis(
            self.settings.redis_url,
            # Set in production; else what all processes have, and Redis has not, stands for it.
            signing_key=self.settings.signing_key or self.settings.database_url,
            on_call=self._observe_redis_call,
        )
        self.register(Resource(name="redis", close=redis.close, pings=[("redis", redis.ping)]))
        return redis

    @cached_property
    def sqs(self) -> SQSClient:
        """The client of SQS."""
        from kova.adapters.sqs import sqs_client

        return sqs_client()

    @cached_property
    def http(self) -> httpx.AsyncClient:
        """The HTTP client for GitHub."""
        import httpx

        timeout = httpx.Timeout(_GITHUB_SECONDS, connect=_CONNECT_SECONDS)
        client = httpx.AsyncClient(timeout=timeout, follow_redirects=False)
        self.register(Resource(name="http", close=client.aclose))
        return client

    @cached_property
    def github(self) -> GitHubClient:
        """GitHub, as an App or with one token; SettingsError when neither is configured."""
        from kova.adapters.github.auth import AppTokens, FixedToken
        from kova.adapters.github.client import GitHubClient

        settings = self.settings
        tokens: AppTokens | FixedToken
        if settings.github_token:
            tokens = FixedToken(settings.github_token)
        elif settings.github_app_id and settings.github_private_key:
            tokens = AppTokens(
                app_id=settings.github_app_id, private_key=settings.github_private_key
            )
        else:
            raise SettingsError(
                "GitHub needs KOVA_GITHUB_APP_ID and its key, or KOVA_GITHUB_TOKEN."
            )
        return GitHubClient(
            base_url=settings.github_api_url,
            tokens=tokens,
            http=self.http,
            owners=settings.owners,
        )

    @cached_property
    def source(self) -> GitHubSource:
        """Where code comes from."""
        from kova.adapters.github.source import GitHubSource

        return GitHubSource(self.github)

    @cached_property
    def metrics(self) -> ProcessMetrics:
        """Counts, and the page that shows them."""
        cloudwatch = self.settings.on_lambda
        if self.redis is None:
            return ProcessMetrics(None, cloudwatch=cloudwatch)
        from kova.adapters.redis.sums import RedisSums

        return ProcessMetrics(RedisSums(self.redis), cloudwatch=cloudwatch)

    @cached_property
    def meter(self) -> Meter:
        """Where counts go."""
        return self.metrics.meter

    def _observe_statement(self, database: str, seconds: float) -> None:
        self.meter.observe("kova_database_statement_duration_seconds", seconds, database=database)

    def _observe_redis_call(self, seconds: float) -> None:
        self.meter.observe("kova_redis_call_duration_seconds", seconds)

    @property
    def cors_origins(self) -> tuple[str, ...]:
        """Origins whose pages may call."""
        return self.settings.cors_origins

    @property
    def origin_secrets(self) -> tuple[str, ...]:
        """What the CDN in front sends with each request."""
        return self.settings.cdn.origin_secrets

    @property
    def client_address_header(self) -> str | None:
        """The header in which that CDN tells its client's address."""
        return self.settings.cdn.client_address_header

    @property
    def body_seconds(self) -> float:
        """How long a body may take to arrive."""
        return self.settings.body_seconds

    def register(self, resource: Resource) -> None:
        """Close the resource with the process, the latest first, and let /health ask it."""
        self._resources.append(resource)

    def pings(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Make the configured connections, and return by name how to ask each.

        Raises:
            SettingsError: the database is not configured.
        """
        _ = (self.database, self.redis)
        return {name: ping for resource in self._resources for name, ping in resource.pings}

    @asynccontextmanager
    async def background(self) -> AsyncIterator[None]:
        """Bring counts to Redis every second, and the last ones at the end."""
        async with self.metrics.running():
            yield

    async def close(self) -> None:
        """Close what was opened."""
        while self._resources:
            await self._resources.pop().close()


def now() -> datetime:
    """Return the present moment, in UTC."""
    return datetime.now(UTC)
