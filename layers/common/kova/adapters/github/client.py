"""The client that the other modules speak through: a repository's calls, authorised."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import IO, Any, Final, TypeVar

import httpx

from kova.adapters.github import shapes
from kova.adapters.github.auth import TokenProvider
from kova.adapters.github.owner_guard import OwnerGuard
from kova.adapters.github.protocol import Reply, graphql_error
from kova.adapters.github.shapes import Json
from kova.adapters.github.transport import JSON_LIMIT, Transport
from kova.shared.exceptions import GitHubRefusedError
from kova.shared.owners import EVERY_OWNER, Owners
from kova.shared.repository import RepositoryRef, check_full_name

PAGES: Final = 50
PER_PAGE: Final = "100"

T = TypeVar("T")


class GitHubClient:
    """Calls of GitHub's REST API on repositories.

    Paths are relative to `/repos/{owner}/{name}` and already quoted. Every method raises the
    errors that `kova.shared.code_source.CodeSource` names, and OwnerNotAllowedError for a
    repository of an owner that Kova does not work for.
    """

    def __init__(
        self,
        *,
        base_url: str,
        tokens: TokenProvider,
        http: httpx.AsyncClient,
        owners: Owners = EVERY_OWNER,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Make a client whose HTTP connections belong to the caller.

        Args:
            base_url: the API's root, for example https://api.github.com.
            tokens: AppTokens or FixedToken.
            http: with a connect time-out of about 5 s and a read time-out of about 30 s.
            owners: whose repositories it may be asked for, and may follow a redirect to.
            sleep: waits between attempts.
            clock: measures how long attempts take altogether.
            jitter: a random number between 0 and 1.
        """
        self._tokens = tokens
        self._transport = Transport(
            base_url=base_url, http=http, sleep=sleep, clock=clock, jitter=jitter
        )
        self._guard = OwnerGuard(owners, transport=self._transport, base_url=base_url, clock=clock)

    async def get(
        self, repository: RepositoryRef, path: str, *, limit: int = JSON_LIMIT, **params: str
    ) -> Json:
        """Return the JSON object at a path."""
        reply = await self._json("GET", repository, path, params=params or None, limit=limit)
        return shapes.as_object(reply.data)

    async def pages(
        self, repository: RepositoryRef, path: str, *, key: str | None = None, **params: str
    ) -> AsyncGenerator[Json, None]:
        """Yield the objects of a list, page after page; `key` names the member that holds it."""
        reply = await self._json("GET", repository, path, params={"per_page": PER_PAGE, **params})
        for _ in range(PAGES):
            rows = shapes.as_object(reply.data).get(key) if key else reply.data
            for row in shapes.objects(rows):
                yield row
            if reply.next_url is None:
                return
            reply = await self._json("GET", repository, reply.next_url)

    async def write(
        self,
        method: str,
        repository: RepositoryRef,
        path: str,
        body: Json,
        *,
        repeatable: bool = False,
    ) -> Json:
        """POST or PATCH a body and return the object that comes back.

        `repeatable` is for what ends in the same state when it is carried out twice; the rest is
        repeated by `retry_idempotent`, whose operation checks first whether it was carried out.
        """
        reply = await self._json(method, repository, path, body=body, repeatable=repeatable)
        return shapes.as_object(reply.data)

    async def graphql(self, repository: RepositoryRef, query: str, variables: Json) -> Json:
        """Send a mutation about a repository to the GraphQL API, and return its data.

        Raises:
            GitHubRefusedError: also for what the answer tells as errors, with its first message.
        """

        async def call(authorization: str) -> Reply:
            return await self._transport.json(
                "POST",
                self._transport.graphql_address,
                authorization=authorization,
                body={"query": query, "variables": variables},
            )

        answer = shapes.as_object((await self._call_authorized(repository, call)).data)
        for error in shapes.objects(answer.get("errors") or []):
            raise graphql_error(error)
        return shapes.as_object(answer.get("data"))

    async def file(
        self, repository: RepositoryRef, path: str, sink: IO[bytes], *, limit: int
    ) -> None:
        """Write what a path redirects to into a file, at most `limit` bytes."""
        address = self._address_of(repository, path)

        async def call(authorization: str) -> None:
            await self._transport.file(
                address,
                sink,
                authorization=authorization,
                limit=limit,
                on_redirect=self._guard.on_redirect(authorization),
            )

        await self._call_authorized(repository, call)

    async def installation(self, repository: RepositoryRef) -> int | None:
        """Ask for the App's installation on the repository; None with a fixed token.

        Raises:
            RepositoryNotFoundError: there is none, though everybody may see the repository.
        """
        self._guard.require_name(repository.full_name)
        return await self._tokens.installation(self._transport, repository)

    async def retry_idempotent(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Run an operation that checks before it creates, and repeat it when a write fails.

        A failed write may have been carried out, so the operation must check first. Failed reads
        are not repeated: the transport has done that already.
        """
        return await self._transport.retry(
            operation, repeatable=lambda exc: exc.data.get("method", "GET") != "GET"
        )

    async def _json(
        self, method: str, repository: RepositoryRef, path: str, **options: Any
    ) -> Reply:
        address = self._address_of(repository, path)

        async def call(authorization: str) -> Reply:
            return await self._transport.json(
                method,
                address,
                authorization=authorization,
                on_redirect=self._guard.on_redirect(authorization),
                **options,
            )

        return await self._call_authorized(repository, call)

    async def _call_authorized(
        self, repository: RepositoryRef, call: Callable[[str], Awaitable[T]]
    ) -> T:
        self._guard.require_name(repository.full_name)
        authorization = await self._tokens.authorization(self._transport, repository)
        try:
            return await call(authorization)
        except GitHubRefusedError as exc:
            refused = exc.data.get("refusal") == "unauthenticated"
            if not refused or not self._tokens.drop(authorization):
                raise
        # A token can be revoked before it expires: once more with a new one.
        authorization = await self._tokens.authorization(self._transport, repository)
        return await call(authorization)

    def _address_of(self, repository: RepositoryRef, path: str) -> str:
        if path and not path.startswith("/"):
            return path  # a next page's address, whose origin the transport checks
        return f"/repos/{check_full_name(repository.full_name)}{path}"
