"""The I/O around the protocol: one HTTP exchange, bounded in size, time and attempts."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import IO, Any, Final, TypeAlias, TypeVar

import httpx

from kova.adapters.bounded_body import read_bounded
from kova.adapters.github.protocol import (
    Reply,
    decipher,
    plan_retry,
    request_headers,
    translate_errors,
)
from kova.shared.exceptions import GitHubRefusedError, GitHubUnavailableError, KovaError

# The largest answer by design is a recursive tree, which GitHub cuts at 7 MB.
JSON_LIMIT: Final = 32_000_000
# The read time-out alone would let a server drip one byte at a time for ever.
EXCHANGE_SECONDS: Final = 60.0
RETRY_SECONDS: Final = 45.0

T = TypeVar("T")
OnRedirect: TypeAlias = Callable[[httpx.URL], Awaitable[None]]
_REDIRECTS: Final = 3
# Names of one's own machine and network: RFC 6761, RFC 6762, and what ICANN keeps free for them.
# A cloud's metadata, a cluster's services and a container's host are below these.
_PRIVATE_DOMAINS: Final = frozenset({"localhost", "local", "internal", "home", "lan", "corp"})
_MOVED: Final = frozenset({301, 302, 307, 308})
_MOVED_KEEPING_METHOD: Final = frozenset({307, 308})


class Transport:
    """Sends requests to one GitHub. The credentials go to that origin and nowhere else."""

    def __init__(
        self,
        *,
        base_url: str,
        http: httpx.AsyncClient,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`http` has its time-outs set, and is closed by whoever made it."""
        self._base = base_url.rstrip("/")
        self._origin = _origin(httpx.URL(self._base))
        self._http = http
        self._sleep = sleep
        self._clock = clock
        self._jitter = jitter

    @property
    def graphql_address(self) -> str:
        """Where the GraphQL API is: beside `/api/v3` on an Enterprise Server."""
        return f"{self._base.removesuffix('/v3')}/graphql"

    async def json(
        self,
        method: str,
        path: str,
        *,
        authorization: str | None,
        params: dict[str, str] | None = None,
        body: dict[str, Any] | None = None,
        repeatable: bool = False,
        limit: int = JSON_LIMIT,
        accept: str | None = None,
        on_redirect: OnRedirect | None = None,
    ) -> Reply:
        """Send a request and read its JSON. `path` may be a whole address of the same origin.

        A GET may always be repeated, another method when the caller says so. `on_redirect` is
        called with each address of the same origin to which GitHub redirects, before anything is
        sent there; what it raises ends the call.
        """
        request = self._http.build_request(
            method,
            self._url(path),
            params=params,
            json=body,
            headers=request_headers(authorization, accept=accept),
        )

        async def exchange() -> Reply:
            with translate_errors(method):
                async with asyncio.timeout(EXCHANGE_SECONDS):
                    response = await self._open(request, on_redirect)
                    try:
                        content = await _read(response, limit)
                    finally:
                        await response.aclose()
            return decipher(response.status_code, response.headers, content, method=method)

        return await self.retry(exchange, repeatable=lambda _: repeatable or method == "GET")

    async def file(
        self,
        path: str,
        sink: IO[bytes],
        *,
        authorization: str,
        limit: int,
        on_redirect: OnRedirect | None = None,
    ) -> None:
        """Write the body of a GET to the file, as it is on the wire. The caller bounds the time.

        `on_redirect` as for `json`.

        Raises:
            GitHubRefusedError: the body is longer than `limit` bytes (`refusal` is `too_large`).
        """
        headers = request_headers(authorization) | {"accept-encoding": "identity"}
        request = self._http.build_request("GET", self._url(path), headers=headers)

        async def exchange() -> None:
            sink.seek(0)
            sink.truncate()
            with translate_errors("GET"):
                response = await self._open(request, on_redirect)
                try:
                    if response.status_code != HTTPStatus.OK:
                        content = await _read(response, JSON_LIMIT)
                        decipher(response.status_code, response.headers, content, method="GET")
                        raise GitHubUnavailableError("GitHub sends no file.", method="GET")
                    await _copy(response, sink, limit)
                finally:
                    await response.aclose()

        await self.retry(exchange, repeatable=lambda _: True)

    async def retry(
        self, call: Callable[[], Awaitable[T]], *, repeatable: Callable[[KovaError], bool]
    ) -> T:
        """Make the call, and again as `plan_retry` says, while the time for retries lasts."""
        started = self._clock()
        attempt = 1
        while True:
            try:
                return await call()
            except GitHubUnavailableError as exc:
                wait = plan_retry(
                    exc, attempt=attempt, repeatable=repeatable(exc), jitter=self._jitter()
                )
                if wait is None or self._clock() + wait - started > RETRY_SECONDS:
                    raise
            await self._sleep(wait)
            attempt += 1

    async def _open(self, request: httpx.Request, on_redirect: OnRedirect | None) -> httpx.Response:
        """Send the request and follow GitHub's redirects: renamed repositories and archives."""
        for _ in range(_REDIRECTS + 1):
            response = await self._http.send(request, stream=True, follow_redirects=False)
            followed = _MOVED if request.method == "GET" else _MOVED_KEEPING_METHOD
            if response.status_code not in followed or "location" not in response.headers:
                return response
            await response.aclose()
            request = self._follow_redirect(request, response.headers["location"])
            if on_redirect is not None and _origin(request.url) == self._origin:
                await on_redirect(request.url)
        raise GitHubRefusedError("GitHub redirects too often.", refusal="redirect")

    def _follow_redirect(self, request: httpx.Request, location: str) -> httpx.Request:
        url = request.url.join(location)
        downgrade = request.url.scheme == "https" and url.scheme != "https"
        if url.scheme not in {"https", "http"} or not url.host or downgrade or url.userinfo:
            raise GitHubRefusedError("GitHub redirects to an unsafe address.", refusal="redirect")
        headers = request.headers.copy()
        del headers["host"]
        if _origin(url) != self._origin:
            # The archive's host takes a ticket in the address; the token is not for it.
            headers.pop("authorization", None)
            if request.method != "GET":
                raise GitHubRefusedError("GitHub redirects a write.", refusal="redirect")
            own = self._origin[1]
            is_own = url.host == own or url.host.endswith(f".{own}")
            if not is_own and not _is_public_name(url.host):
                raise GitHubRefusedError("GitHub redirects inside.", refusal="redirect")
        return self._http.build_request(
            request.method, url, headers=headers, content=request.content or None
        )

    def _url(self, path: str) -> str:
        if path.startswith("/"):
            return self._base + path
        with translate_errors("GET"):
            url = httpx.URL(path)
        if _origin(url) != self._origin:
            raise GitHubUnavailableError("GitHub's next page is on another host.", method="GET")
        return path


def _is_public_name(host: str) -> bool:
    """True for a name with a domain, false for what is an address in any way of writing it.

    Systems read `127.1`, `0x7f.1` and `2130706433` as addresses: no top-level domain has a digit
    first (RFC 3696, section 2).
    """
    labels = host.rstrip(".").lower().split(".")
    if len(labels) < 2 or ":" in host or labels[-1] in _PRIVATE_DOMAINS:  # noqa: PLR2004
        return False
    return not labels[-1][:1].isdigit()


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


async def _read(response: httpx.Response, limit: int) -> bytes:
    content = await read_bounded(response, limit)
    if content is None:
        raise GitHubRefusedError("GitHub's answer is too large.", refusal="too_large")
    return content


async def _copy(response: httpx.Response, sink: IO[bytes], limit: int) -> None:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise GitHubUnavailableError("The archive is encoded twice.", method="GET")
    size = 0
    async for chunk in response.aiter_raw():
        size += len(chunk)
        if size > limit:
            raise GitHubRefusedError("The archive is too large.", refusal="too_large")
        sink.write(chunk)
